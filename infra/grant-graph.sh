#!/bin/sh
# Gives the app's identity application permissions in Microsoft Graph, which a template can't:
#   infra/grant-graph.sh PRINCIPAL_ID                       names of people: Directory.Read.All
#   infra/grant-graph.sh PRINCIPAL_ID TeamsActivity.Send    notifications in Teams
# PRINCIPAL_ID is IDENTITY_PRINCIPAL_ID of `azd env get-values`. It needs Privileged Role Administrator.
set -eu
principal=${1:?give the object id of the identity}
permission=${2:-Directory.Read.All}
graph=$(az cloud show --query endpoints.microsoftGraphResourceId --output tsv)
graph=${graph%/}
# 00000003-… is Microsoft Graph itself, in every tenant and cloud.
resource=$(az ad sp show --id 00000003-0000-0000-c000-000000000000 --query id --output tsv)
role=$(az ad sp show --id 00000003-0000-0000-c000-000000000000 \
  --query "appRoles[?value=='$permission' && contains(allowedMemberTypes, 'Application')].id" --output tsv)
[ -n "$role" ] || { echo "Microsoft Graph has no application permission $permission" >&2; exit 2; }
az rest --method post --url "$graph/v1.0/servicePrincipals/$principal/appRoleAssignments" \
  --body "{\"principalId\": \"$principal\", \"resourceId\": \"$resource\", \"appRoleId\": \"$role\"}" --output none
echo "$permission is given to $principal"
