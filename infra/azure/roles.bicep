// The roles of the app's identity in its own resource group, each on a single resource.

param principalId string
param storageName string
param vaultName string
param insightsName string

var storageRoles = [
  {
    name: 'Storage Blob Data Owner'
    id: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
    why: 'The host keeps its leases and timer state in blobs and reads the deployed package; the app appends to the copy of the audit trail.'
  }
  {
    // Not Storage Queue Data Message Processor: that role can only read and delete messages, but the host also
    // makes a failed message visible again (an update) and moves it to a poison queue, and the app adds messages.
    name: 'Storage Queue Data Contributor'
    id: '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
    why: 'The app adds messages; the host takes, updates and deletes them and fills the poison queues.'
  }
  {
    name: 'Storage Table Data Contributor'
    id: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
    why: 'The app keeps onboardings, connections and warnings in tables; the host its diagnostic events.'
  }
]

var vaultRole = {
  // Not Key Vault Secrets User, which cannot write. This is the least privileged built-in role that can.
  name: 'Key Vault Secrets Officer'
  id: 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'
  why: 'The app writes the client secrets it makes, and reads back whether one is there.'
}

var insightsRole = {
  name: 'Monitoring Metrics Publisher'
  id: '3913510d-42f4-4e42-8a64-420c390055eb'
  why: 'Telemetry is sent by identity; the component takes none by key.'
}

resource storage 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: storageName
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: vaultName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource storageAssignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in storageRoles: {
  name: guid(storage.id, principalId, role.id)
  scope: storage
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role.id)
    description: role.why
  }
}]

resource vaultAssignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, principalId, vaultRole.id)
  scope: vault
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', vaultRole.id)
    description: vaultRole.why
  }
}

resource insightsAssignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, principalId, insightsRole.id)
  scope: insights
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', insightsRole.id)
    description: insightsRole.why
  }
}
