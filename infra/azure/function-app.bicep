// The function app on Flex Consumption, and every setting that the code reads (onboarding/settings.py).

@maxLength(32)
param name string
param planName string
param location string
param tags object
param pythonVersion string
param alwaysReadyInstances int
param maximumInstances int
param identityId string
param identityClientId string
param insightsConnectionString string
param storageName string
param deploymentContainer string
param vaultUrl string
param hasNoticeWebhook bool
param noticeWebhookSecret string
param noticeChannels string
param noticeMailChannel string
param noticeOperatorChannel string
param noticeMailDomains string
param noticeMailsPerDay int
param noticeDigest string
param noticeEscalation string
param noticeEscalateAfterDays int
param linkKey string
param operatorsOnly string
param apiAudience string
param multitenantClientId string
param servedTenants string
param expiryThresholds string
param expiredRepeatDays int
param renewalTimeLimitDays int
param maxOpenOnboardings int
param renewBeforeDays int
param expirySchedule string
param handoverReminderDays string
param scriptsConfirm string
param inspectEveryDays int
param auditRetentionDays int
param inspectionSchedule string
param sweepSchedule string
param stalledAfterSeconds int
param publicUrl string

var isPublicCloud = environment().name == 'AzureCloud'
var blobUri = 'https://${storageName}.blob.${environment().suffixes.storage}'
var queueUri = 'https://${storageName}.queue.${environment().suffixes.storage}'
var tableUri = 'https://${storageName}.table.${environment().suffixes.storage}'

// The host adds the public cloud's suffix to an account name, so any other cloud needs the three URIs. In
// the public cloud the name is the better choice: hosts on Flex Consumption sometimes failed with URIs
// (azure-functions-host issues 11782, 11787, 11796).
var hostStorage = union(
  {
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: identityClientId
  },
  isPublicCloud ? {
    AzureWebJobsStorage__accountName: storageName
  } : {
    AzureWebJobsStorage__blobServiceUri: blobUri
    AzureWebJobsStorage__queueServiceUri: queueUri
    AzureWebJobsStorage__tableServiceUri: tableUri
  }
)

var telemetry = {
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
}

var app = {
  API_AUDIENCE: apiAudience
  AUDIT_RETENTION_DAYS: string(auditRetentionDays)
  AZURE_CLIENT_ID: identityClientId
  AZURE_ENVIRONMENT: isPublicCloud ? 'AzurePublicCloud' : 'AzureUSGovernmentCloud'
  EXPIRED_REPEAT_DAYS: string(expiredRepeatDays)
  EXPIRY_SCHEDULE: expirySchedule
  EXPIRY_THRESHOLDS: expiryThresholds
  HANDOVER_REMINDER_DAYS: handoverReminderDays
  HOME_TENANT_ID: tenant().tenantId
  KEY_VAULT_URL: vaultUrl
  INSPECT_EVERY_DAYS: string(inspectEveryDays)
  INSPECTION_SCHEDULE: inspectionSchedule
  RENEW_BEFORE_DAYS: string(renewBeforeDays)
  RENEWAL_TIME_LIMIT_DAYS: string(renewalTimeLimitDays)
  MAX_OPEN_ONBOARDINGS: string(maxOpenOnboardings)
  NOTICE_DIGEST: noticeDigest
  NOTICE_ESCALATE_AFTER_DAYS: string(noticeEscalateAfterDays)
  NOTICE_MAILS_PER_DAY: string(noticeMailsPerDay)
  ONBOARDING_STORAGE__blobServiceUri: blobUri
  ONBOARDING_STORAGE__clientId: identityClientId
  ONBOARDING_STORAGE__credential: 'managedidentity'
  ONBOARDING_STORAGE__queueServiceUri: queueUri
  ONBOARDING_STORAGE__tableServiceUri: tableUri
  PUBLIC_URL: empty(publicUrl) ? 'https://${site.properties.defaultHostName}' : publicUrl
  SCRIPTS_CONFIRM: scriptsConfirm
  STALLED_AFTER_SECONDS: string(stalledAfterSeconds)
  SWEEP_SCHEDULE: sweepSchedule
}

// The reference to the webhook's URL has no version, so the app uses a new value within a day.
var chosen = union(
  empty(multitenantClientId) ? {} : { MULTITENANT_CLIENT_ID: multitenantClientId },
  hasNoticeWebhook ? { NOTICE_WEBHOOK_URL: '@Microsoft.KeyVault(SecretUri=${vaultUrl}secrets/notice-webhook-url)' } : {},
  empty(noticeWebhookSecret) ? {} : { NOTICE_WEBHOOK_SECRET: noticeWebhookSecret },
  empty(noticeChannels) ? {} : { NOTICE_CHANNELS: noticeChannels },
  empty(noticeMailChannel) ? {} : { NOTICE_MAIL_CHANNEL: noticeMailChannel },
  empty(noticeOperatorChannel) ? {} : { NOTICE_OPERATOR_CHANNEL: noticeOperatorChannel },
  empty(noticeMailDomains) ? {} : { NOTICE_MAIL_DOMAINS: noticeMailDomains },
  empty(noticeEscalation) ? {} : { NOTICE_ESCALATION: noticeEscalation },
  empty(linkKey) ? {} : { LINK_KEY: linkKey },
  empty(operatorsOnly) ? {} : { OPERATORS_ONLY: operatorsOnly },
  empty(servedTenants) ? {} : { SERVED_TENANTS: servedTenants }
)

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource site 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  // azd uses this tag to find the app for the service's code.
  tags: union(tags, { 'azd-service-name': 'api' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    siteConfig: {
      ftpsState: 'Disabled'
      http20Enabled: true
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${blobUri}/${deploymentContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: { name: 'python', version: pythonVersion }
      scaleAndConcurrency: {
        instanceMemoryMB: 2048
        maximumInstanceCount: maximumInstances
        alwaysReady: alwaysReadyInstances == 0 ? [] : [
          { name: 'http', instanceCount: alwaysReadyInstances }
          { name: 'function:run_step', instanceCount: alwaysReadyInstances }
        ]
      }
    }
  }
}

// Replaces all settings at once: it removes every other setting, such as an empty AzureWebJobsStorage that an
// earlier deployment left behind and that stops the host.
resource settings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: site
  name: 'appsettings'
  properties: union(hostStorage, telemetry, app, chosen)
}

// Deployments also use an identity: neither FTP nor the deployment site accepts a password.
resource ftp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: site
  name: 'ftp'
  properties: { allow: false }
}

resource scm 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: site
  name: 'scm'
  properties: { allow: false }
}

output url string = 'https://${site.properties.defaultHostName}'
