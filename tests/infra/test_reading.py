"""What finds mistakes in Bicep finds them: every check, on text with one mistake in it."""

from __future__ import annotations

import pytest

from tests.infra import schema
from tests.infra.bicep import Body, Either, Expression, parsed, strings

SOUND = """
@description('Where to.')
param location string = 'westeurope'
param zones array = []
param quiet bool = false
var names = ['snapshots', 'changes']
resource store 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: 'st${uniqueString(location)}'
  location: location
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    allowSharedKeyAccess: false
    minimumTlsVersion: 'TLS1_2'
    networkAcls: quiet ? { defaultAction: 'Deny', bypass: 'None' } : { defaultAction: 'Allow' }
  }
}
resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' = [for one in names: {
  parent: service
  name: one
  properties: {}
}]
resource service 'Microsoft.Storage/storageAccounts/queueServices@2024-01-01' = { parent: store, name: 'default' }
resource site 'Microsoft.Web/sites@2024-04-01' = if (!empty(zones)) {
  name: 'app'
  location: location
  identity: { type: 'UserAssigned' }
  properties: {
    httpsOnly: true
    siteConfig: { minTlsVersion: '1.2', appSettings: [{ name: 'A', value: 'b' }] }
    functionAppConfig: { runtime: { name: 'python', version: '3.13' }, scaleAndConcurrency: { instanceMemoryMB: 2048 } }
  }
}
resource entry 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: site
  name: 'authsettingsV2'
  properties: { globalValidation: { requireAuthentication: true, unauthenticatedClientAction: 'Return401' } }
}
resource events 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: 'e'
  properties: {
    destination: { endpointType: 'StorageQueue', properties: { queueName: 'changes', resourceId: store.id } }
    filter: { advancedFilters: [{ operatorType: 'StringContains', key: 'data.operationName', values: ['a'] }] }
  }
}
resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = { name: 't' }
resource grant 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid('a')
  properties: { principalId: 'p', principalType: 'ServicePrincipal', roleDefinitionId: 'r' }
}
output name string = store.name
"""


def found(text: str) -> list[str]:
    """All that syntax and schema have to say of a text."""
    file = parsed(text)
    return [*file.faults, *(fault for one in file.resources if not one.existing for fault in schema.faults(one))]


def test_what_is_sound_is_let_pass():
    assert found(SOUND) == []


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("allowSharedKeyAccess", "allowSharedKeyAcess", "allowSharedKeyAccess?"),
        ("'TLS1_2'", "'TLS12'", "'TLS12' is none of"),
        ("kind: 'StorageV2'", "kind: 'StorageV9'", "'StorageV9' is none of"),
        ("bypass: 'None'", "bypas: 'None'", "bypass?"),
        ("httpsOnly", "httpOnly", "httpsOnly?"),
        ("minTlsVersion: '1.2'", "minTlsVersion: '12'", "'12' is none of"),
        ("{ name: 'A', value", "{ nam: 'A', value", "name?"),
        ("instanceMemoryMB", "instanceMemory", "instanceMemoryMB?"),
        ("name: 'python', version", "name: 'pyton', version", "'pyton' is none of"),
        ("'Return401'", "'Return4001'", "'Return4001' is none of"),
        ("requireAuthentication", "requiresAuthentication", "requireAuthentication?"),
        ("endpointType: 'StorageQueue'", "endpointType: 'Queue'", "endpointType 'Queue' is none of"),
        ("queueName", "queue", "queueName?"),
        ("operatorType: 'StringContains'", "operatorType: 'Contains'", "operatorType 'Contains' is none of"),
        ("principalType:", "principleType:", "principalType?"),
        ("Microsoft.Web/sites@", "Microsoft.Web/site@", "no model"),
        ("httpsOnly: true", "httpsOnly: tr ue", "can't be read"),
        ("output name string = store.name", "output name string = ", "can't be read"),
        ("param zones array = []", "param zones string[] = []", "a typed array"),
        ("param zones array = []", "param zones string? = null", "a nullable type"),
        ("sku: { name: 'Standard_LRS' }", "sku: { ...zones, name: 'Standard_LRS' }", "can't be read"),
        ("location: location\n  kind", "location: location!\n  kind", "not null"),
        ("output name", "extension microsoftGraph\noutput name", "can't be read"),
        ("output name", "import { a } from 'b.bicep'\noutput name", "an import"),
        ("output name", "func f(a string) string => a\noutput name", "a function of its own"),
        ("output name", "type t = string\noutput name", "a type of its own"),
    ],
)
def test_a_mistake_is_found(was, becomes, said):
    assert was in SOUND
    wrong = found(SOUND.replace(was, becomes, 1))
    assert any(said in one for one in wrong), wrong


def test_what_is_literal_is_read_and_the_rest_stays_text():
    file = parsed(SOUND)
    store, queues, service, site, *_ = file.resources
    assert file.parameters == {"location": True, "zones": True, "quiet": True}
    assert file.described == {"location"}
    assert file.variables == {"names": ["snapshots", "changes"]}
    assert isinstance(store.body.get("name"), Expression)
    assert isinstance(store.body.get("properties", "networkAcls"), Either)
    assert (queues.body.get("name"), service.existing) == (Expression("one"), False)
    assert list(strings(site.body.get("properties", "siteConfig", "appSettings"))) == ["A", "b"]
    assert isinstance(site.body.get("properties"), Body)


@pytest.mark.parametrize("kind", schema.MODELS)
def test_every_model_that_is_named_is_there(kind):
    assert len(schema.shape(schema.model(kind))) > 0
