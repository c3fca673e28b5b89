// The function app on Flex Consumption, and who may come in.

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Name of the app.')
param name string

@description('Id of the identity that it is.')
param identityId string

@description('App settings, as { name, value }.')
param settings array

@description('Address of the container for its package.')
param packageContainer string

@description('Id of the subnet that it goes out through; empty: straight.')
param subnetId string = ''

@description('Client id of the app registration that people sign in to; empty: function keys.')
param signInClientId string = ''

@description('Most instances at once.')
param maximumInstances int

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  // checkov:skip=CKV_AZURE_225:redundancy over zones is a setting of Flex Consumption that costs always-ready instances
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  // checkov:skip=CKV_AZURE_212:Flex Consumption starts instances as they are needed
  // checkov:skip=CKV_AZURE_17:nobody has client certificates: keys, or Entra ID
  // checkov:skip=CKV_AZURE_222:people reach it, from links on cards too; what is answered needs a key or a sign-in
  // checkov:skip=CKV_AZURE_71:the identity is user-assigned
  // checkov:skip=CKV_AZURE_16:the identity is user-assigned
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'monitor' })
  kind: 'functionapp,linux'
  // checkov:skip=CKV_AZURE_213:Flex Consumption has no health check; /api/health is for whoever looks from outside
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      appSettings: settings
      ftpsState: 'Disabled'
      http20Enabled: true
      minTlsVersion: '1.2'
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainer
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: 2048
        maximumInstanceCount: maximumInstances
      }
    }
  }
}

// Nobody deploys with a password.
var passwordWays = ['ftp', 'scm']

resource passwords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = [for one in passwordWays: {
  parent: app
  name: one
  properties: {
    allow: false
  }
}]

// Sign-in with Entra ID, without a secret: the identity of the app proves the registration by a federated credential.
// What is not signed in is sent to sign in; an application with a token is let in by it. The role is checked by the app.
resource signIn 'Microsoft.Web/sites/config@2024-04-01' = if (!empty(signInClientId)) {
  // checkov:skip=CKV_AZURE_13:this is the authentication that the rule asks for
  // checkov:skip=CKV_AZURE_63:a rule for the site, here on its sign-in; logs go to Application Insights
  // checkov:skip=CKV_AZURE_65:a rule for the site, here on its sign-in; logs go to Application Insights
  // checkov:skip=CKV_AZURE_66:a rule for the site, here on its sign-in; logs go to Application Insights
  // checkov:skip=CKV_AZURE_80:a rule for the site, here on its sign-in; there is no .NET
  // checkov:skip=CKV_AZURE_88:a rule for the site, here on its sign-in; no share is mounted
  // checkov:skip=CKV_AZURE_222:a rule for the site, here on its sign-in; people reach it
  // checkov:skip=CKV_AZURE_222:this says who comes in, not from where; see the app
  // checkov:skip=CKV_AZURE_80:there is no .NET in a Python app
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
    }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'RedirectToLoginPage'
      redirectToProvider: 'azureactivedirectory'
      // Event Grid comes with the system key of the host.
      excludedPaths: [
        '/api/health'
        '/runtime/webhooks/eventgrid'
      ]
    }
    httpSettings: {
      requireHttps: true
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: signInClientId
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
          openIdIssuer: uri(environment().authentication.loginEndpoint, '${subscription().tenantId}/v2.0')
        }
        validation: {
          allowedAudiences: [
            signInClientId
            'api://${signInClientId}'
          ]
        }
      }
    }
    login: {
      tokenStore: {
        enabled: false
      }
    }
  }
}

output id string = app.id
output name string = app.name
output address string = 'https://${app.properties.defaultHostName}'
