#!/bin/sh
# Makes the app registration that people and applications sign in to, with the app role that may read:
#   infra/register-sign-in.sh https://APP.azurewebsites.net [ROLE]
# and prints its client id: `azd env set SIGN_IN_CLIENT_ID …`, then `azd provision`. It needs Application Developer or more.
set -eu
address=${1:?give the address of the app, https://…}
role=${2:-Posture.Read}
case $address in https://*) ;; *) echo "$address is no https address" >&2; exit 2 ;; esac
case $role in *[!A-Za-z0-9._-]*) echo "$role is no app role: letters, digits, . - and _" >&2; exit 2 ;; esac
client=$(az ad app create --display-name "Secure score drift" --sign-in-audience AzureADMyOrg \
  --web-redirect-uris "${address%/}/.auth/login/aad/callback" --enable-id-token-issuance true \
  --app-roles "[{\"allowedMemberTypes\": [\"User\", \"Application\"], \"displayName\": \"Read the posture\",
    \"description\": \"May read what the secure score drift monitor keeps\", \"value\": \"$role\", \"isEnabled\": true}]" \
  --query appId --output tsv)
az ad app update --id "$client" --identifier-uris "api://$client"
az ad sp create --id "$client" --output none
# Only who has the role gets a token at all.
az ad sp update --id "$client" --set appRoleAssignmentRequired=true
echo "$client"
