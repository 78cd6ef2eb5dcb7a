// Everything the app needs in Azure, in a resource group of its own. `azd up` deploys it; docs/deploy.md is the guide.
targetScope = 'subscription'

@description('Name of this deployment, as azd knows it. Names of resources are derived from it.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('Region of every resource. It must offer Flex Consumption: az functionapp list-flexconsumption-locations.')
@minLength(1)
param location string

@description('Audiences the API accepts in access tokens, comma separated. register_api.py prints them.')
@minLength(1)
param apiAudience string

@description('Python of the app.')
@allowed(['3.11', '3.12', '3.13'])
param pythonVersion string = '3.11'

@description('Instances kept warm for requests and for steps, each. 0 scales to nothing when nothing is asked.')
@minValue(0)
param alwaysReadyInstances int = 0

@description('Most instances that may run at once.')
@minValue(1)
@maxValue(1000)
param maximumInstances int = 40

@description('Subscription of the CMG, where the app registers resource providers. Empty: assign the role yourself.')
param cmgSubscriptionId string = ''

@description('Client ID of a multi-tenant app that trusts the identity, for other tenants. Empty: this tenant only.')
param multitenantClientId string = ''

@description('Tenants that may be onboarded besides this one, comma separated; they need multitenantClientId.')
param servedTenants string = ''

@description('Where warnings go, as CloudEvents. Such URLs often carry a key, so it is kept in the vault.')
@secure()
param noticeWebhookUrl string = ''

@description('Name of the vault secret that signs what is posted to the webhook (notice-...). Empty: unsigned.')
param noticeWebhookSecret string = ''

@description('Names of channels for people, comma separated; their addresses are vault secrets (notice-<name>).')
param noticeChannels string = ''

@description('Channel over which owners of connections get mail. Empty: they get none.')
param noticeMailChannel string = ''

@description('Whether people get one message a day (daily) or each notice by itself (off).')
@allowed(['off', 'daily'])
param noticeDigest string = 'off'

@description('Channel that is told what nobody acknowledges. Empty: none.')
param noticeEscalation string = ''

@description('After how many days it is told.')
@minValue(1)
@maxValue(30)
param noticeEscalateAfterDays int = 3

@description('Name of the vault secret that signs links in messages (link-...). Empty: no links.')
param linkKey string = ''

@description('Days before the end of a secret at which its owner is warned, comma separated.')
param expiryThresholds string = '90,60,30,14,7,1,0'

@description('Days between two warnings of what has ended, until somebody acknowledges.')
@minValue(1)
param expiredRepeatDays int = 7

@description('Days before its end at which a client secret that is ours is renewed unasked; 0: never.')
@minValue(0)
@maxValue(365)
param renewBeforeDays int = 0

@description('Days after which a renewal removes the old secret without a confirmation; 0: never.')
@minValue(0)
@maxValue(365)
param renewalTimeLimitDays int = 30

@description('When to look for warnings that are due: six-field NCRONTAB, UTC.')
param expirySchedule string = '0 0 * * * *'

@description('Days within which each connection is looked at in its directory.')
@minValue(1)
@maxValue(28)
param inspectEveryDays int = 7

@description('When to begin the day\'s looks at the directory, as NCRONTAB in UTC; only the first run of a day does.')
param inspectionSchedule string = '0 20 * * * *'

@description('When to look for onboardings that stopped: six-field NCRONTAB, UTC.')
param sweepSchedule string = '0 */5 * * * *'

@description('Seconds without progress after which an onboarding counts as stopped.')
@minValue(60)
param stalledAfterSeconds int = 900

@description('Origin that callers see when a gateway stands in front, such as https://api.contoso.com.')
param publicUrl string = ''

@description('Copies of the storage account. Zone-redundant where the region has zones.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageRedundancy string = 'Standard_ZRS'

@description('Days a deleted secret can be brought back. Fixed once the vault exists.')
@minValue(7)
@maxValue(90)
param secretRetentionDays int = 90

var tags = { 'azd-env-name': environmentName }

// Thirteen characters, the same for the same deployment. Each name below stays within its service's limit;
// the function app's within 32, because hosts derive their id from the first 32 characters of it.
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
  // The host reads its storage, and the settings their vault reference, as soon as the app exists.
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
    noticeDigest: noticeDigest
    noticeEscalation: noticeEscalation
    noticeEscalateAfterDays: noticeEscalateAfterDays
    linkKey: linkKey
    apiAudience: apiAudience
    multitenantClientId: multitenantClientId
    servedTenants: servedTenants
    expiryThresholds: expiryThresholds
    expiredRepeatDays: expiredRepeatDays
    renewBeforeDays: renewBeforeDays
    renewalTimeLimitDays: renewalTimeLimitDays
    expirySchedule: expirySchedule
    inspectEveryDays: inspectEveryDays
    inspectionSchedule: inspectionSchedule
    sweepSchedule: sweepSchedule
    stalledAfterSeconds: stalledAfterSeconds
    publicUrl: publicUrl
  }
}

module registerProviders 'register-providers.bicep' = if (!empty(cmgSubscriptionId)) {
  name: 'register-providers-${token}'
  // A scope has to be valid even where the condition is false.
  scope: subscription(empty(cmgSubscriptionId) ? subscription().subscriptionId : cmgSubscriptionId)
  params: {
    principalId: identity.outputs.principalId
  }
}

// azd keeps these in its environment: `azd env get-value API_URL`.
output API_URL string = functionApp.outputs.url
output AZURE_RESOURCE_GROUP string = group.name
output FUNCTION_APP_NAME string = functionAppName
output IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
output KEY_VAULT_NAME string = vaultName
