// Everything that the app needs in Azure, in a resource group of its own. `azd up` deploys it; see docs/deploy.md.
targetScope = 'subscription'

@description('Name of this deployment in azd. The names of the resources are derived from it.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('Region of every resource. It must offer Flex Consumption: az functionapp list-flexconsumption-locations.')
@minLength(1)
param location string

@description('Audiences that the API accepts in access tokens, comma separated. register_api.py prints them.')
@minLength(1)
param apiAudience string

@description('Python version of the app.')
@allowed(['3.11', '3.12', '3.13'])
param pythonVersion string = '3.11'

@description('Always-ready instances, for requests and for steps each. With 0 the app scales to zero when idle.')
@minValue(0)
param alwaysReadyInstances int = 0

@description('Maximum number of instances.')
@minValue(1)
@maxValue(1000)
param maximumInstances int = 40

@description('Subscription of the CMG, where the app registers resource providers. Empty: assign the role yourself.')
param cmgSubscriptionId string = ''

@description('Client ID of a multi-tenant app that trusts the identity, for other tenants. Empty: this tenant only.')
param multitenantClientId string = ''

@description('Tenants that may be onboarded besides this one, comma separated; they need multitenantClientId.')
param servedTenants string = ''

@description('URL of the webhook for warnings as CloudEvents. It often contains a key, so the vault stores it.')
@secure()
param noticeWebhookUrl string = ''

@description('Name of the vault secret that signs messages to the webhook (notice-...). Empty: unsigned.')
param noticeWebhookSecret string = ''

@description('Names of channels for people, comma separated; their addresses are vault secrets (notice-<name>).')
param noticeChannels string = ''

@description('Channel that sends mail to the owners of connections. Empty: no mail.')
param noticeMailChannel string = ''

@description('Channel that gets every notice, whatever a connection selects. Empty: none.')
param noticeOperatorChannel string = ''

@description('Domains to which mail to owners may go, comma-separated. Empty: the verified domains of the tenants.')
param noticeMailDomains string = ''

@description('Emails to owners that the connections of one requester can cause in a day.')
@minValue(1)
param noticeMailsPerDay int = 200

@description('Whether people get one message a day (daily) or one message for each notice (off).')
@allowed(['off', 'daily'])
param noticeDigest string = 'off'

@description('Channel for warnings that nobody acknowledges. Empty: none.')
param noticeEscalation string = ''

@description('Days without an acknowledgement after which this channel gets the warning.')
@minValue(1)
@maxValue(30)
param noticeEscalateAfterDays int = 3

@description('Name of the vault secret that signs links in messages (link-...). Empty: no links.')
param linkKey string = ''

@description('What only operators can do to the resources of requesters, comma separated. Empty: nothing.')
param operatorsOnly string = ''

@description('Days before the expiration of a secret on which its owner gets a warning, comma separated.')
param expiryThresholds string = '90,60,30,14,7,1,0'

@description('Days between two warnings about an expired secret, until somebody acknowledges it.')
@minValue(1)
param expiredRepeatDays int = 7

@description('Days before the expiration on which the app renews its own client secrets automatically; 0: never.')
@minValue(0)
@maxValue(365)
param renewBeforeDays int = 0

@description('Days after which a renewal removes the old secret without a confirmation; 0: never.')
@minValue(0)
@maxValue(365)
param renewalTimeLimitDays int = 30

@description('How many onboardings of one caller can be open at the same time.')
@minValue(1)
param maxOpenOnboardings int = 100

@description('When the app searches for warnings that are due: six-field NCRONTAB, UTC.')
param expirySchedule string = '0 0 * * * *'

@description('Days after an onboarding on which people are reminded of the site, comma separated. 0: none.')
param handoverReminderDays string = '3,10,30'

@description('Whether the handover script confirms the handover with an address that works once (on).')
@allowed(['off', 'on'])
param scriptsConfirm string = 'off'

@description('Days within which the app inspects each connection in its directory.')
@minValue(1)
@maxValue(28)
param inspectEveryDays int = 7

@description('Days during which nobody can change or delete the append-only copy of the audit trail.')
@minValue(1)
@maxValue(146000)
param auditRetentionDays int = 1095

@description('Whether the retention policy of that copy is locked (on). The deployment then does not change it.')
@allowed(['off', 'on'])
param auditLocked string = 'off'

@description('When the inspections of a day start: NCRONTAB, UTC. Only the first run of a day starts them.')
param inspectionSchedule string = '0 20 * * * *'

@description('When the app searches for stalled onboardings: six-field NCRONTAB, UTC.')
param sweepSchedule string = '0 */5 * * * *'

@description('Seconds without progress after which an onboarding counts as stalled.')
@minValue(60)
param stalledAfterSeconds int = 900

@description('Origin of the API behind a gateway, as callers use it, such as https://api.contoso.com.')
param publicUrl string = ''

@description('Redundancy of the storage account. Use zone redundancy where the region has zones.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageRedundancy string = 'Standard_ZRS'

@description('Days within which a deleted secret can be recovered. It cannot be changed once the vault exists.')
@minValue(7)
@maxValue(90)
param secretRetentionDays int = 90

var tags = { 'azd-env-name': environmentName }

// Thirteen characters, the same for the same deployment. Each name below is within the limit of its service;
// the name of the function app is within 32, because hosts derive their ID from its first 32 characters.
var token = uniqueString(subscription().id, environmentName, location)
var functionAppName = 'func-onboarding-${token}'
var storageName = 'stcmg${token}'
var vaultName = 'kv-cmg-${token}'

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-onboarding-${token}'
    location: location
    tags: tags
  }
}

module monitoring 'monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: 'log-onboarding-${token}'
    insightsName: 'appi-onboarding-${token}'
    location: location
    tags: tags
  }
}

module storage 'storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: storageName
    location: location
    tags: tags
    redundancy: storageRedundancy
    auditRetentionDays: auditRetentionDays
    auditLocked: auditLocked == 'on'
  }
}

module vault 'vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    name: vaultName
    location: location
    tags: tags
    retentionDays: secretRetentionDays
    workspaceId: monitoring.outputs.workspaceId
    noticeWebhookUrl: noticeWebhookUrl
  }
}

module roles 'roles.bicep' = {
  name: 'roles'
  scope: group
  params: {
    principalId: identity.outputs.principalId
    storageName: storage.outputs.name
    vaultName: vault.outputs.name
    insightsName: monitoring.outputs.insightsName
  }
}

module functionApp 'function-app.bicep' = {
  name: 'function-app'
  scope: group
  // The host reads its storage, and the settings read the vault, as soon as the app exists.
  dependsOn: [roles]
  params: {
    name: functionAppName
    planName: 'plan-onboarding-${token}'
    location: location
    tags: tags
    pythonVersion: pythonVersion
    alwaysReadyInstances: alwaysReadyInstances
    maximumInstances: maximumInstances
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    insightsConnectionString: monitoring.outputs.insightsConnectionString
    storageName: storage.outputs.name
    deploymentContainer: storage.outputs.deploymentContainer
    vaultUrl: vault.outputs.url
    hasNoticeWebhook: !empty(noticeWebhookUrl)
    noticeWebhookSecret: noticeWebhookSecret
    noticeChannels: noticeChannels
    noticeMailChannel: noticeMailChannel
    noticeOperatorChannel: noticeOperatorChannel
    noticeMailDomains: noticeMailDomains
    noticeMailsPerDay: noticeMailsPerDay
    noticeDigest: noticeDigest
    noticeEscalation: noticeEscalation
    noticeEscalateAfterDays: noticeEscalateAfterDays
    linkKey: linkKey
    operatorsOnly: operatorsOnly
    apiAudience: apiAudience
    multitenantClientId: multitenantClientId
    servedTenants: servedTenants
    expiryThresholds: expiryThresholds
    expiredRepeatDays: expiredRepeatDays
    renewBeforeDays: renewBeforeDays
    renewalTimeLimitDays: renewalTimeLimitDays
    maxOpenOnboardings: maxOpenOnboardings
    expirySchedule: expirySchedule
    handoverReminderDays: handoverReminderDays
    scriptsConfirm: scriptsConfirm
    inspectEveryDays: inspectEveryDays
    auditRetentionDays: auditRetentionDays
    inspectionSchedule: inspectionSchedule
    sweepSchedule: sweepSchedule
    stalledAfterSeconds: stalledAfterSeconds
    publicUrl: publicUrl
  }
}

module registerProviders 'register-providers.bicep' = if (!empty(cmgSubscriptionId)) {
  name: 'register-providers-${token}'
  // A scope must be valid even if the condition is false.
  scope: subscription(empty(cmgSubscriptionId) ? subscription().subscriptionId : cmgSubscriptionId)
  params: {
    principalId: identity.outputs.principalId
  }
}

// azd stores these in its environment: `azd env get-value API_URL`.
output API_URL string = functionApp.outputs.url
output AZURE_RESOURCE_GROUP string = group.name
output FUNCTION_APP_NAME string = functionAppName
output IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
output KEY_VAULT_NAME string = vaultName
