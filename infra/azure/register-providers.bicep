// The permission to register resource providers in one subscription, and nothing else. main.bicep uses it for the CMG's
// subscription; for another subscription, or one in another tenant, deploy only this file there (docs/deploy.md).
targetScope = 'subscription'

@description('Object ID of the service principal that registers them: the managed identity, or the multi-tenant app.')
param principalId string

resource role 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscription().id, 'CMG onboarding: register resource providers')
  properties: {
    // The name of a custom role is unique in its tenant, so it contains the subscription.
    roleName: 'CMG onboarding: register resource providers in ${subscription().subscriptionId}'
    description: 'Register resource providers and read their state. Contributor would do, but allows far more.'
    type: 'CustomRole'
    assignableScopes: [subscription().id]
    permissions: [
      {
        actions: [
          '*/register/action'
          'Microsoft.Authorization/permissions/read'
          'Microsoft.Resources/subscriptions/read'
          'Microsoft.Resources/subscriptions/providers/read'
        ]
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
  }
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(subscription().id, principalId, role.id)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: role.id
    description: 'Resource providers that a Cloud Management Gateway needs are registered by CMG onboarding.'
  }
}
