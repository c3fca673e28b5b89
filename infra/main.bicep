// The monitor in a resource group of its own, without a secret: identities for everything, rights in rights.bicep and
// rights-own.bicep. What it watches beyond this subscription: estate.bicep. Its events: events.bicep, after the code.
targetScope = 'subscription'

@description('Name of the environment: of the resource group, and a part of every other name.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Region. It must have Flex Consumption: az functionapp list-flexconsumption-locations.')
param location string

@description('DRIFT_SCOPES: what to watch.')
param scopes string = 'all'

@description('DRIFT_GROUPS: groups to sum up beside the tenant.')
param groups string = ''

@description('Whether the identity may read this subscription. Off where it gets its rights above, by estate.bicep.')
param watchThisSubscription bool = true

@description('Address that alerts are mailed to. Empty: they are only shown in Azure Monitor.')
param alertEmail string = ''

@description('Address of the Teams webhook, which goes into the vault. Empty: whatever is there stays.')
@secure()
param teamsWebhookUrl string = ''

@description('Whether the vault has the secret TEAMS-WEBHOOK-URL already, put there by hand or by an earlier deployment.')
param webhookInVault bool = false

@description('App settings of the webhooks that DRIFT_TEAMS_ROUTES names, each in the vault under its name with - for _.')
param moreWebhooks array = []

@description('DRIFT_TEAMS_ROUTES: webhooks by group or owner.')
param teamsRoutes string = ''

@description('DRIFT_QUIET_HOURS: when nothing is posted to Teams.')
param quietHours string = ''

@description('DRIFT_CARDS_PER_HOUR: most cards to one webhook within an hour. Empty: the default of the app, as for all that follow.')
param cardsPerHour string = ''

@description('DRIFT_NOTIFY: who gets a notification in Teams.')
param notify string = ''

@description('DRIFT_NOTIFY_LINK: what a click on it opens.')
param notifyLink string = ''

@description('DRIFT_ANNOUNCE_PP: smallest movement that is told at once.')
param announcePp string = ''

@description('DRIFT_RETENTION_MONTHS: how long movements are kept.')
param retentionMonths string = ''

@description('When the timers run, by setting: { DRIFT_SNAPSHOT_SCHEDULE: \'0 0 * * * *\' }. What is left out runs as the app has it.')
param schedules object = {}

@description('Client id of the app registration that people sign in to: register-sign-in.sh makes one. Empty: function keys.')
param signInClientId string = ''

@description('App role that may read, with sign-in.')
param signInRole string = 'Posture.Read'

@description('Whether there is an Event Grid topic that gets explained movements.')
param withTopic bool = false

@description('Whether storage and vault are reached through private endpoints alone.')
param privateNetwork bool = false

@description('Most instances of the app at once: one of them reads one subscription at a time.')
@minValue(40)
@maxValue(1000)
param maximumInstances int = 40

var tags = { 'azd-env-name': environmentName }
var token = toLower(uniqueString(subscription().id, environmentName, location))

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module monitor 'monitor.bicep' = {
  scope: group
  name: 'monitor'
  params: {
    token: token
    location: location
    tags: tags
    scopes: scopes
    groups: groups
    alertEmail: alertEmail
    teamsWebhookUrl: teamsWebhookUrl
    webhookInVault: webhookInVault
    moreWebhooks: moreWebhooks
    teamsRoutes: teamsRoutes
    quietHours: quietHours
    cardsPerHour: cardsPerHour
    notify: notify
    notifyLink: notifyLink
    announcePp: announcePp
    retentionMonths: retentionMonths
    schedules: schedules
    signInClientId: signInClientId
    signInRole: signInRole
    withTopic: withTopic
    privateNetwork: privateNetwork
    maximumInstances: maximumInstances
  }
}

module rights 'rights.bicep' = if (watchThisSubscription) {
  name: 'secure-score-drift-rights'
  params: {
    principalId: monitor.outputs.identityPrincipalId
  }
}

output AZURE_RESOURCE_GROUP string = group.name
output FUNCTION_APP_NAME string = monitor.outputs.appName
output FUNCTION_APP_ID string = monitor.outputs.appId
output IDENTITY_PRINCIPAL_ID string = monitor.outputs.identityPrincipalId
output ACTION_GROUP_ID string = monitor.outputs.actionGroupId
output STORAGE_ACCOUNT_NAME string = monitor.outputs.storageName
output KEY_VAULT_NAME string = monitor.outputs.vaultName
output PAGE_URL string = '${monitor.outputs.address}/api/page'
