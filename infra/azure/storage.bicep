// One account for the app's tables and queues, for the host's own blobs and for the deployed package.
// No shared keys: every caller is an identity with a role.

param name string
param location string
param tags object
param redundancy string
param auditRetentionDays int
param auditLocked bool

// The same names as in onboarding/storage/names.py; a test compares them. The app never creates any.
var tables = [
  'onboardings'
  'onboardingindex'
  'operations'
  'operationindex'
  'connections'
  'warnings'
  'calendar'
  'notices'
  'noticeindex'
  'inspections'
  'inspectionindex'
  'poisonmessages'
  'service'
  'audit'
]
var queues = [
  'steps'
  'operations'
  'notices'
  'inspections'
  'steps-poison'
  'operations-poison'
  'notices-poison'
  'inspections-poison'
]
var container = 'app-package'
var auditLedgers = 'audit'

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: redundancy }
  properties: {
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}

resource blobService 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: account
  name: 'default'
}

resource deploymentContainer 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobService
  name: container
  properties: { publicAccess: 'None' }
}

resource auditContainer 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobService
  name: auditLedgers
  properties: { publicAccess: 'None' }
}

// The copy of the audit trail can be appended to, but neither changed nor deleted. The period of an append blob starts
// with its last block. A template cannot lock the policy: its state is read-only, and locking is a call with an ETag.
// docs/deploy.md has the command. A locked policy can only be extended, so a template that contains it would fail:
// https://learn.microsoft.com/rest/api/storagerp/blob-containers/lock-immutability-policy
resource auditRetention 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2023-05-01' = if (!auditLocked) {
  parent: auditContainer
  name: 'default'
  properties: {
    allowProtectedAppendWrites: true
    immutabilityPeriodSinceCreationInDays: auditRetentionDays
  }
}

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2023-05-01' = {
  parent: account
  name: 'default'
}

resource table 'Microsoft.Storage/storageAccounts/tableServices/tables@2023-05-01' = [for tableName in tables: {
  parent: tableService
  name: tableName
}]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2023-05-01' = {
  parent: account
  name: 'default'
}

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = [for queueName in queues: {
  parent: queueService
  name: queueName
}]

output name string = account.name
output deploymentContainer string = deploymentContainer.name
