"""What is done with people, groups and rights."""

from uuid import UUID

from msgraph import GraphServiceClient
from msgraph.generated.groups.groups_request_builder import GroupsRequestBuilder
from msgraph.generated.models.app_role_assignment import AppRoleAssignment
from msgraph.generated.models.assigned_license import AssignedLicense
from msgraph.generated.models.group import Group
from msgraph.generated.models.password_profile import PasswordProfile
from msgraph.generated.models.phone_authentication_method import PhoneAuthenticationMethod
from msgraph.generated.models.reference_create import ReferenceCreate
from msgraph.generated.models.reference_update import ReferenceUpdate
from msgraph.generated.models.temporary_access_pass_authentication_method import TemporaryAccessPassAuthenticationMethod
from msgraph.generated.models.user import User
from msgraph.generated.role_management.directory.role_assignments.role_assignments_request_builder import RoleAssignmentsRequestBuilder
from msgraph.generated.users.item.assign_license.assign_license_post_request_body import AssignLicensePostRequestBody
from msgraph.generated.users.item.member_of.member_of_request_builder import MemberOfRequestBuilder
from msgraph.generated.users.item.user_item_request_builder import UserItemRequestBuilder
from msgraph.generated.users.users_request_builder import UsersRequestBuilder
from msgraph_core.tasks.page_iterator import PageIterator

from checks import Operations, asking, eventually, names


async def reads_users(ops: Operations, graph: GraphServiceClient) -> dict[str, str]:
    """Lists users and reads one; returns ids by the first part of the name."""
    query = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters
    page = await ops.run("list users", graph.users.get())
    assert sorted(names(page)) == ["Ada Lovelace", "Edsger Dijkstra", "Grace Hopper"], names(page)
    ids = {user.user_principal_name.split("@")[0]: user.id for user in page.value}
    first = await ops.run("list users in pages", graph.users.get(asking(query(top=1, select=["id", "mail"]))))
    assert first.odata_next_link
    found = []
    pages = PageIterator(first, graph.request_adapter)
    await ops.run("follow the pages", pages.iterate(lambda user: found.append(user.id) or True))
    assert sorted(found) == sorted(ids.values()), found
    one = await ops.run(
        "get a user with the manager",
        graph.users.by_user_id("ada@contoso.example").get(asking(
            UserItemRequestBuilder.UserItemRequestBuilderGetQueryParameters(
                select=["id", "employeeId"], expand=["manager($select=id,displayName)"]))),
    )
    assert (one.employee_id, one.manager.display_name) == ("1815", "Grace Hopper")
    ada = graph.users.by_user_id(ids["ada"])
    manager = await ops.run("get the manager", ada.manager.get())
    assert isinstance(manager, User) and manager.id == ids["grace"]
    reports = await ops.run("list direct reports", graph.users.by_user_id(ids["grace"]).direct_reports.get())
    assert sorted(names(reports)) == ["Ada Lovelace", "Edsger Dijkstra"]
    users = await ops.run(
        "list direct reports who are users", graph.users.by_user_id(ids["grace"]).direct_reports.graph_user.get())
    assert len(users.value) == 2
    licences = await ops.run("list licence details", ada.license_details.get())
    assert [licence.sku_part_number for licence in licences.value] == ["SPE_E3"]
    await ops.refused("get nobody", graph.users.by_user_id("nobody@contoso.example").get(), 404,
                      "Request_ResourceNotFound", "does not exist")
    return ids


async def queries(ops: Operations, graph: GraphServiceClient) -> None:
    """Filters, searches, sorts and counts, and is refused where Graph refuses."""
    query = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters

    async def users(name: str, expected: list[str], advanced: bool, **parameters) -> None:
        configuration = (eventually if advanced else asking)(query(**parameters))
        page = await ops.run(name, graph.users.get(configuration))
        assert names(page) == expected, f"{name}: {names(page)}"

    await users("filter with startswith", ["Ada Lovelace"], False, filter="startswith(displayName,'ada')")
    await users("filter with and", ["Edsger Dijkstra"], False,
                filter="department eq 'Engineering' and usageLocation in ('NL','BE')")
    await users("sort", ["Grace Hopper", "Edsger Dijkstra", "Ada Lovelace"], False, orderby=["displayName desc"])
    await users("filter with ne", ["Ada Lovelace"], True, filter="department ne 'Engineering'", count=True)
    await users("filter with endswith, sorted", ["Ada Lovelace", "Edsger Dijkstra", "Grace Hopper"], True,
                filter="endswith(mail,'@contoso.example')", orderby=["displayName"], count=True)
    await users("filter with not", ["Ada Lovelace", "Edsger Dijkstra"], True, count=True,
                filter="not(startswith(displayName,'Grace'))", orderby=["displayName"])
    await users("filter by a licence", ["Ada Lovelace", "Grace Hopper"], True, count=True, orderby=["displayName"],
                filter="assignedLicenses/$count ne 0")
    await users("search", ["Grace Hopper"], True, search='"displayName:hopper"')
    await users("search with or", ["Ada Lovelace", "Edsger Dijkstra"], True, orderby=["displayName"],
                search='"displayName:ada" OR "mail:edsger"')
    counted = await ops.run("list and count", graph.users.get(eventually(query(count=True, top=1))))
    assert counted.odata_count == 3
    count = await ops.run("count", graph.users.count.get(eventually(None)))
    assert int(count) == 3
    refused = [
        ("search without the header", query(search='"displayName:ada"'), "special request header"),
        ("filter with ne without the header", query(filter="department ne 'x'"), "required parameters might be missing"),
        ("filter and sort without the header", query(filter="startswith(displayName,'a')", orderby=["displayName"]),
         "Sorting not supported for current query."),
        ("sort by a moment", query(orderby=["createdDateTime"]), "Unsupported sort property"),
    ]
    for name, parameters, words in refused:
        await ops.refused(name, graph.users.get(asking(parameters)), 400, "Request_UnsupportedQuery", words)
    await ops.refused("filter by what there is not", graph.users.get(asking(query(filter="colour eq 'red'"))), 400,
                      "BadRequest", "Could not find a property named 'colour'")


async def changes_people(ops: Operations, graph: GraphServiceClient, ids: dict[str, str]) -> None:
    """Hires somebody, changes them, and lets them go for good."""
    new = User(
        account_enabled=True,
        display_name="Ada Byron",
        mail_nickname="ada.byron",
        user_principal_name="ada.byron@contoso.example",
        usage_location="GB",
        password_profile=PasswordProfile(force_change_password_next_sign_in=True, password="Difference-Engine-1"),
    )
    delta = await ops.run("begin a round of changes", graph.users.delta.get())
    assert len(delta.value) == 3
    made = await ops.run("create a user", graph.users.post(new))
    user = graph.users.by_user_id(made.id)
    rounds = graph.users.delta.with_url(delta.odata_delta_link)
    delta = await ops.run("read the next round", rounds.get())
    assert made.id in [changed.id for changed in delta.value]
    await ops.run("update a user", user.patch(User(job_title="Analyst", business_phones=["+44 20 0000"])))
    read = await ops.run("read the update", user.get())
    assert (read.job_title, read.business_phones) == ("Analyst", ["+44 20 0000"])
    reference = ReferenceUpdate(odata_id=f"https://graph.microsoft.com/v1.0/users/{ids['grace']}")
    await ops.run("set the manager", user.manager.ref.put(reference))
    await ops.run("remove the manager", user.manager.ref.delete())
    await ops.refused("get no manager", user.manager.get(), 404, "Request_ResourceNotFound", "manager")
    skus = await ops.run("list SKUs", graph.subscribed_skus.get())
    ems = next(sku for sku in skus.value if sku.sku_part_number == "EMS")
    body = AssignLicensePostRequestBody(add_licenses=[AssignedLicense(sku_id=ems.sku_id)], remove_licenses=[])
    licensed = await ops.run("assign a licence", user.assign_license.post(body))
    assert licensed.id == made.id
    body = AssignLicensePostRequestBody(add_licenses=[], remove_licenses=[ems.sku_id])
    await ops.run("remove a licence", user.assign_license.post(body))
    revoked = await ops.run("revoke sessions", user.revoke_sign_in_sessions.post())
    assert revoked.value is True
    await ops.run("delete a user", user.delete())
    items = graph.directory.deleted_items
    deleted = await ops.run("list deleted users", items.graph_user.get())
    assert [one.id for one in deleted.value] == [made.id]
    item = items.by_directory_object_id(made.id)
    one = await ops.run("get a deleted item", item.get())
    assert one.id == made.id
    one = await ops.run("get a deleted user", item.graph_user.get())
    assert one.display_name == "Ada Byron"
    restored = await ops.run("restore a user", item.restore.post())
    assert restored.id == made.id
    await ops.run("delete the user again", user.delete())
    await ops.run("purge the user", item.delete())
    await ops.refused("get a purged user", item.get(), 404, "Request_ResourceNotFound", made.id)


async def signs_in(ops: Operations, graph: GraphServiceClient, ids: dict[str, str]) -> None:
    """Reads and removes ways to sign in, and issues a pass."""
    authentication = graph.users.by_user_id(ids["grace"]).authentication
    methods = await ops.run("list methods", authentication.methods.get())
    phone = next(method for method in methods.value if isinstance(method, PhoneAuthenticationMethod))
    phones = authentication.phone_methods.by_phone_authentication_method_id(phone.id)
    await ops.run("remove a phone", phones.delete())
    wanted = TemporaryAccessPassAuthenticationMethod(lifetime_in_minutes=60, is_usable_once=True)
    issued = await ops.run("issue a pass", authentication.temporary_access_pass_methods.post(wanted))
    assert issued.temporary_access_pass and issued.lifetime_in_minutes == 60
    passes = await ops.run("list passes", authentication.temporary_access_pass_methods.get())
    assert [one.id for one in passes.value] == [issued.id] and passes.value[0].temporary_access_pass is None


async def groups(ops: Operations, graph: GraphServiceClient, ids: dict[str, str]) -> str:
    """Works with groups, their members and owners; returns the id of the team."""
    page = await ops.run("list groups", graph.groups.get())
    by_name = {group.display_name: group.id for group in page.value}
    query = GroupsRequestBuilder.GroupsRequestBuilderGetQueryParameters
    teams = await ops.run("list teams by filter", graph.groups.get(asking(query(
        filter="resourceProvisioningOptions/Any(x:x eq 'Team')", select=["id", "displayName"]))))
    assert names(teams) == ["Project Kiruna"]
    found = await ops.run("search groups", graph.groups.get(eventually(query(search='"description:build"'))))
    assert names(found) == ["Engineers"]
    group = graph.groups.by_group_id(by_name["Engineers"])
    read = await ops.run("get a group", group.get())
    assert read.security_enabled and not read.mail_enabled
    address = f"https://graph.microsoft.com/v1.0/directoryObjects/{ids['ada']}"
    await ops.run("add a member", group.members.ref.post(ReferenceCreate(odata_id=address)))
    await ops.refused("add a member twice", group.members.ref.post(ReferenceCreate(odata_id=address)), 400,
                      "Request_BadRequest", "already exist")
    members = await ops.run("list members", group.members.get())
    assert all(isinstance(member, User) for member in members.value)
    users = await ops.run("list members who are users", group.members.graph_user.get())
    assert sorted(names(users)) == ["Ada Lovelace", "Edsger Dijkstra"]
    await ops.run("remove a member", group.members.by_directory_object_id(ids["ada"]).ref.delete())
    bound = [f"https://graph.microsoft.com/v1.0/directoryObjects/{ids[name]}" for name in ("ada", "grace")]
    await ops.run("add members by binding",
                  group.patch(Group(additional_data={"members@odata.bind": bound})))
    await ops.run("add an owner", group.owners.ref.post(ReferenceCreate(odata_id=address)))
    owners = await ops.run("list owners", group.owners.get())
    assert sorted(names(owners)) == ["Ada Lovelace", "Grace Hopper"]
    await ops.run("remove an owner", group.owners.by_directory_object_id(ids["ada"]).ref.delete())
    ada = graph.users.by_user_id(ids["ada"])
    of = await ops.run("list memberships", ada.member_of.get())
    assert "Engineers" in names(of)
    of = await ops.run("list groups of a user", ada.member_of.graph_group.get())
    assert names(of) == ["Engineers"]
    beginning = MemberOfRequestBuilder.MemberOfRequestBuilderGetQueryParameters(
        filter="startswith(displayName,'E')", count=True)
    of = await ops.run("filter memberships", ada.member_of.get(eventually(beginning)))
    assert names(of) == ["Engineers"]
    await ops.refused("filter memberships without the header", ada.member_of.get(asking(beginning)), 400,
                      "Request_UnsupportedQuery", "The specified filter to the reference property query")
    with_groups = UserItemRequestBuilder.UserItemRequestBuilderGetQueryParameters(expand=["memberOf"])
    expanded = await ops.run("get a user with memberships", ada.get(asking(with_groups)))
    assert [group.display_name for group in expanded.member_of] == ["Engineers"]
    with_members = GroupsRequestBuilder.GroupsRequestBuilderGetQueryParameters(
        filter="displayName eq 'Engineers'", expand=["members($select=id,displayName)"])
    expanded = await ops.run("list groups with members", graph.groups.get(asking(with_members)))
    assert "Ada Lovelace" in [member.display_name for member in expanded.value[0].members]
    of = await ops.run("list groups of a user, through groups", ada.transitive_member_of.graph_group.get())
    assert names(of) == ["Engineers"]
    owned = await ops.run("list owned objects", graph.users.by_user_id(ids["grace"]).owned_objects.get())
    assert sorted(names(owned)) == ["Engineers", "Project Kiruna"]
    new = Group(display_name="Analysts", mail_nickname="analysts", mail_enabled=False, security_enabled=True,
                additional_data={"owners@odata.bind": bound[:1], "members@odata.bind": bound})
    made = await ops.run("create a group", graph.groups.post(new))
    assert made.id
    members = await ops.run("list members of the new group", graph.groups.by_group_id(made.id).members.get())
    assert len(members.value) == 2
    return by_name["Project Kiruna"]


async def rights(ops: Operations, graph: GraphServiceClient, ids: dict[str, str]) -> None:
    """Reads and removes roles, assignments and consents."""
    directory = graph.role_management.directory
    query = RoleAssignmentsRequestBuilder.RoleAssignmentsRequestBuilderGetQueryParameters
    held = await ops.run("list role assignments", directory.role_assignments.get(
        asking(query(filter=f"principalId eq '{ids['edsger']}'"))))
    assert len(held.value) == 1
    assignment = directory.role_assignments.by_unified_role_assignment_id(held.value[0].id)
    await ops.run("remove a role", assignment.delete())
    grace = graph.users.by_user_id(ids["grace"])
    assigned = await ops.run("list app role assignments", grace.app_role_assignments.get())
    resource = graph.service_principals.by_service_principal_id(str(assigned.value[0].resource_id))
    principal = await ops.run("get an application", resource.get())
    assert principal.display_name == "Payroll"
    await ops.run("remove an app role assignment",
                  resource.app_role_assigned_to.by_app_role_assignment_id(assigned.value[0].id).delete())
    again = AppRoleAssignment(principal_id=UUID(ids["ada"]), resource_id=UUID(principal.id), app_role_id=UUID(int=0))
    await ops.run("assign an app role", resource.app_role_assigned_to.post(again))
    consents = await ops.run("list consents", grace.oauth2_permission_grants.get())
    grant = graph.oauth2_permission_grants.by_o_auth2_permission_grant_id(consents.value[0].id)
    await ops.run("remove a consent", grant.delete())
    principals = await ops.run("list applications", graph.service_principals.get())
    assert principals.value
