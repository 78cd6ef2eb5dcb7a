// The app's identity in storage, in the vault, in Microsoft Graph and in Resource Manager. It is user-assigned,
// so that it outlives the function app and can be the federated credential of a multi-tenant app.

param name string
param location string
param tags object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: name
  location: location
  tags: tags
}

output id string = identity.id
output clientId string = identity.properties.clientId
output principalId string = identity.properties.principalId
