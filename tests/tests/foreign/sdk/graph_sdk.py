"""Works in an emulated tenant with Microsoft's own SDK for Python, and checks what comes back.

usage: graph_sdk.py ROOT TENANT CLIENT_ID CLIENT_SECRET CERTIFICATE_AUTHORITY

The SDK is as it comes from PyPI. It is told what one tells it in a national cloud: where to sign in, where Graph is,
which hosts get the token, and which certificate authority to trust.
"""

import asyncio
import ssl
import sys
import urllib.parse

import httpx
from azure.identity.aio import ClientSecretCredential
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph_core import GraphClientFactory

from checks import Operations
from directory import changes_people, groups, queries, reads_users, rights, signs_in
from services import batches, calendar, files, mail, teams, the_rest


def sign_in(root: str, tenant: str, client_id: str, secret: str, authority: str) -> tuple:
    """The credential and the client."""
    credential = ClientSecretCredential(
        tenant,
        client_id,
        secret,
        authority=root,
        disable_instance_discovery=True,
        connection_verify=authority,
    )
    host = urllib.parse.urlsplit(root).hostname
    provider = AzureIdentityAuthenticationProvider(
        credential, scopes=["https://graph.microsoft.com/.default"], allowed_hosts=[host]
    )
    client = httpx.AsyncClient(
        base_url=f"{root}/v1.0", verify=ssl.create_default_context(cafile=authority), timeout=30
    )
    client = GraphClientFactory.create_with_default_middleware(client=client)
    return credential, GraphServiceClient(request_adapter=GraphRequestAdapter(provider, client))


async def main(root: str, tenant: str, client_id: str, secret: str, authority: str) -> None:
    credential, graph = sign_in(root, tenant, client_id, secret, authority)
    ops = Operations()
    async with credential:
        ids = await reads_users(ops, graph)
        await queries(ops, graph)
        await changes_people(ops, graph, ids)
        await signs_in(ops, graph, ids)
        team = await groups(ops, graph, ids)
        await teams(ops, graph, ids, team)
        await mail(ops, graph, ids)
        await calendar(ops, graph, ids)
        await files(ops, graph, ids)
        await rights(ops, graph, ids)
        await the_rest(ops, graph, ids)
        await batches(ops, graph, ids)
    print(f"{len(ops.done)} operations")


asyncio.run(main(*sys.argv[1:]))
