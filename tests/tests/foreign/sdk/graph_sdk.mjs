// Works in an emulated tenant with Microsoft's own SDK for JavaScript, and checks what comes back.
//
// usage: NODE_EXTRA_CA_CERTS=AUTHORITY.pem node graph_sdk.mjs ROOT TENANT CLIENT_ID CLIENT_SECRET
//
// The SDK is as it comes from npm. It is told what one tells it in a national cloud: where to sign in, where Graph is,
// and which host gets the token.

import assert from "node:assert/strict";
import { ClientSecretCredential } from "@azure/identity";
import graphClient from "@microsoft/microsoft-graph-client";
import credentialProvider from "@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js";

const { BatchRequestContent, BatchResponseContent, Client, PageIterator, ResponseType } = graphClient;
const { TokenCredentialAuthenticationProvider } = credentialProvider;

const [root, tenant, clientId, secret] = process.argv.slice(2);
const credential = new ClientSecretCredential(tenant, clientId, secret, {
    authorityHost: root,
    disableInstanceDiscovery: true,
});
const graph = Client.initWithMiddleware({
    authProvider: new TokenCredentialAuthenticationProvider(credential, {
        scopes: ["https://graph.microsoft.com/.default"],
    }),
    baseUrl: root,
    customHosts: new Set([new URL(root).hostname]),
});

const done = [];

/** Awaits a request; what it throws says which operation failed. */
async function run(name, request) {
    try {
        const answer = await request;
        done.push(name);
        return answer;
    } catch (error) {
        throw new Error(`operation ${done.length + 1}, ${name}: ${error.message}`, { cause: error });
    }
}

/** Awaits a request that Graph refuses with this status, code and text. */
async function refused(name, request, status, code, words) {
    let answer;
    try {
        answer = await request;
    } catch (error) {
        assert.deepEqual([error.statusCode, error.code], [status, code], `${name}: ${error.message}`);
        assert.ok(error.message.includes(words), `${name}: ${error.message}`);
        done.push(name);
        return;
    }
    assert.fail(`${name} was not refused: ${JSON.stringify(answer)}`);
}

const names = (page) => page.value.map((item) => item.displayName);
const sorted = (page) => names(page).sort();
const eventually = (path) => graph.api(path).header("ConsistencyLevel", "eventual");
const address = (id) => `https://graph.microsoft.com/v1.0/directoryObjects/${id}`;

/** Lists users and reads one; returns ids by the first part of the name. */
async function readsUsers() {
    const page = await run("list users", graph.api("/users").get());
    assert.deepEqual(sorted(page), ["Ada Lovelace", "Edsger Dijkstra", "Grace Hopper"]);
    const ids = Object.fromEntries(page.value.map((user) => [user.userPrincipalName.split("@")[0], user.id]));
    const first = await run("list users in pages", graph.api("/users").top(1).select(["id", "mail"]).get());
    const found = [];
    const pages = new PageIterator(graph, first, (user) => Boolean(found.push(user.id)));
    await run("follow the pages", pages.iterate());
    assert.deepEqual(found.sort(), Object.values(ids).sort());
    const ada = await run("get a user with the manager",
        graph.api("/users/ada@contoso.example").select("id,employeeId").expand("manager($select=displayName)").get());
    assert.deepEqual([ada.employeeId, ada.manager.displayName], ["1815", "Grace Hopper"]);
    const manager = await run("get the manager", graph.api(`/users/${ids.ada}/manager`).get());
    assert.equal(manager.id, ids.grace);
    const reference = await run("get the manager's address", graph.api(`/users/${ids.ada}/manager/$ref`).get());
    assert.ok(reference["@odata.id"].endsWith(ids.grace));
    const reports = await run("list direct reports", graph.api(`/users/${ids.grace}/directReports`).get());
    assert.deepEqual(sorted(reports), ["Ada Lovelace", "Edsger Dijkstra"]);
    const licences = await run("list licence details", graph.api(`/users/${ids.ada}/licenseDetails`).get());
    assert.equal(licences.value[0].skuPartNumber, "SPE_E3");
    await refused("get nobody", graph.api("/users/nobody@contoso.example").get(), 404, "Request_ResourceNotFound",
        "does not exist");
    return ids;
}

/** Filters, searches, sorts and counts, and is refused where Graph refuses. */
async function queries() {
    const users = async (name, expected, request) => assert.deepEqual(names(await run(name, request.get())),
        expected, name);
    await users("filter with startswith", ["Ada Lovelace"],
        graph.api("/users").filter("startswith(displayName,'ada')"));
    await users("filter with and", ["Edsger Dijkstra"],
        graph.api("/users").filter("department eq 'Engineering' and usageLocation in ('NL','BE')"));
    await users("sort", ["Grace Hopper", "Edsger Dijkstra", "Ada Lovelace"],
        graph.api("/users").orderby("displayName desc"));
    await users("filter with ne", ["Ada Lovelace"],
        eventually("/users").filter("department ne 'Engineering'").count(true));
    await users("filter with endswith, sorted", ["Ada Lovelace", "Edsger Dijkstra", "Grace Hopper"],
        eventually("/users").filter("endswith(mail,'@contoso.example')").orderby("displayName").count(true));
    await users("search", ["Grace Hopper"], eventually("/users").search('"displayName:hopper"'));
    const counted = await run("list and count", eventually("/users").count(true).top(1).get());
    assert.equal(counted["@odata.count"], 3);
    assert.equal(Number(await run("count", eventually("/users/$count").get())), 3);
    assert.equal(Number(await run("count groups", eventually("/groups/$count").get())), 2);
    await refused("search without the header", graph.api("/users").search('"displayName:ada"').get(), 400,
        "Request_UnsupportedQuery", "special request header");
    await refused("filter with ne without the header", graph.api("/users").filter("department ne 'x'").get(), 400,
        "Request_UnsupportedQuery", "required parameters might be missing");
    await refused("filter and sort without the header",
        graph.api("/users").filter("startswith(displayName,'a')").orderby("displayName").get(), 400,
        "Request_UnsupportedQuery", "Sorting not supported for current query.");
}

/** Hires somebody, changes them, and lets them go for good. */
async function changesPeople(ids) {
    const begun = await run("begin a round of changes", graph.api("/users/delta()").get());
    const made = await run("create a user", graph.api("/users").post({
        "@odata.type": "#microsoft.graph.user",
        accountEnabled: true,
        displayName: "Ada Byron",
        mailNickname: "ada.byron",
        userPrincipalName: "ada.byron@contoso.example",
        usageLocation: "GB",
        passwordProfile: { forceChangePasswordNextSignIn: true, password: "Difference-Engine-1" },
    }));
    const next = await run("read the next round", graph.api(begun["@odata.deltaLink"]).get());
    assert.ok(next.value.some((user) => user.id === made.id));
    const user = (below = "") => graph.api(`/users/${made.id}${below}`);
    await run("update a user", user().patch({ jobTitle: "Analyst" }));
    assert.equal((await run("read the update", user().get())).jobTitle, "Analyst");
    await run("set the manager", user("/manager/$ref").put({ "@odata.id": address(ids.grace) }));
    await run("remove the manager", user("/manager/$ref").delete());
    const skus = await run("list SKUs", graph.api("/subscribedSkus").get());
    const { skuId } = skus.value.find((sku) => sku.skuPartNumber === "EMS");
    await run("assign a licence", user("/assignLicense").post({ addLicenses: [{ skuId, disabledPlans: [] }],
        removeLicenses: [] }));
    await run("remove a licence", user("/assignLicense").post({ addLicenses: [], removeLicenses: [skuId] }));
    assert.equal((await run("revoke sessions", user("/revokeSignInSessions").post({}))).value, true);
    await run("delete a user", user().delete());
    const items = "/directory/deletedItems";
    const deleted = await run("list deleted users", graph.api(`${items}/graph.user`).get());
    assert.deepEqual(deleted.value.map((one) => one.id), [made.id]);
    await run("get a deleted user", graph.api(`${items}/${made.id}`).get());
    assert.equal((await run("restore a user", graph.api(`${items}/${made.id}/restore`).post({}))).id, made.id);
    await run("delete the user again", user().delete());
    await run("purge the user", graph.api(`${items}/${made.id}`).delete());
    await refused("get a purged user", graph.api(`${items}/${made.id}`).get(), 404, "Request_ResourceNotFound",
        made.id);
    const pass = await run("issue a pass", graph.api(`/users/${ids.grace}/authentication/temporaryAccessPassMethods`)
        .post({ "@odata.type": "#microsoft.graph.temporaryAccessPassAuthenticationMethod", lifetimeInMinutes: 60 }));
    assert.ok(pass.temporaryAccessPass);
    const methods = await run("list methods", graph.api(`/users/${ids.grace}/authentication/methods`).get());
    const phone = methods.value.find((method) => method["@odata.type"].includes("phone"));
    await run("remove a phone", graph.api(`/users/${ids.grace}/authentication/phoneMethods/${phone.id}`).delete());
}

/** Works with groups, their members and owners; returns the id of the team. */
async function groups(ids) {
    const page = await run("list groups", graph.api("/groups").get());
    const byName = Object.fromEntries(page.value.map((group) => [group.displayName, group.id]));
    const teams = await run("list teams by filter",
        graph.api("/groups").filter("resourceProvisioningOptions/Any(x:x eq 'Team')").select("id,displayName").get());
    assert.deepEqual(names(teams), ["Project Kiruna"]);
    const group = (below = "") => graph.api(`/groups/${byName.Engineers}${below}`);
    assert.equal((await run("get a group", group().get())).securityEnabled, true);
    await run("add a member", group("/members/$ref").post({ "@odata.id": address(ids.ada) }));
    await refused("add a member twice", group("/members/$ref").post({ "@odata.id": address(ids.ada) }), 400,
        "Request_BadRequest", "already exist");
    assert.deepEqual(sorted(await run("list members", group("/members").get())), ["Ada Lovelace", "Edsger Dijkstra"]);
    assert.deepEqual(sorted(await run("list members who are users", group("/members/graph.user").get())),
        ["Ada Lovelace", "Edsger Dijkstra"]);
    const searched = eventually(`/groups/${byName.Engineers}/members/microsoft.graph.user`).search('"displayName:ada"');
    assert.deepEqual(names(await run("search members", searched.get())), ["Ada Lovelace"]);
    await run("remove a member", group(`/members/${ids.ada}/$ref`).delete());
    await run("add members by binding", group().patch({ "members@odata.bind": [address(ids.ada),
        address(ids.grace)] }));
    await run("add an owner", group("/owners/$ref").post({ "@odata.id": address(ids.ada) }));
    assert.deepEqual(sorted(await run("list owners", group("/owners").get())), ["Ada Lovelace", "Grace Hopper"]);
    await run("remove an owner", group(`/owners/${ids.ada}/$ref`).delete());
    assert.deepEqual(names(await run("list groups of a user",
        graph.api(`/users/${ids.ada}/memberOf/graph.group`).get())), ["Engineers"]);
    const memberOf = `/users/${ids.ada}/memberOf`;
    const startsWithE = "startswith(displayName,'E')";
    assert.deepEqual(names(await run("filter memberships", eventually(memberOf).filter(startsWithE).count(true).get())),
        ["Engineers"]);
    await refused("filter memberships without the header", graph.api(memberOf).filter(startsWithE).get(), 400,
        "Request_UnsupportedQuery", "The specified filter to the reference property query");
    const withGroups = await run("get a user with memberships",
        graph.api(`/users/${ids.ada}`).expand("memberOf").get());
    assert.deepEqual(withGroups.memberOf.map((group) => group.displayName), ["Engineers"]);
    const withMembers = await run("list groups with members", graph.api("/groups").filter("displayName eq 'Engineers'")
        .expand("members($select=id,displayName)").get());
    assert.ok(withMembers.value[0].members.some((member) => member.displayName === "Ada Lovelace"));
    assert.deepEqual(names(await run("list groups of a user, through groups",
        graph.api(`/users/${ids.ada}/transitiveMemberOf`).get())), ["Engineers"]);
    await run("create a group", graph.api("/groups").post({
        displayName: "Analysts", mailNickname: "analysts", mailEnabled: false, securityEnabled: true,
        "members@odata.bind": [address(ids.ada)],
    }));
    return byName["Project Kiruna"];
}

/** Works with a team and its channels. */
async function teams(ids, id) {
    assert.deepEqual(names(await run("list joined teams", graph.api(`/users/${ids.grace}/joinedTeams`).get())),
        ["Project Kiruna"]);
    const team = (below = "") => graph.api(`/teams/${id}${below}`);
    assert.equal((await run("get a team", team().get())).displayName, "Project Kiruna");
    assert.deepEqual(names(await run("list channels", team("/channels").get())), ["General", "Budget"]);
    const member = {
        "@odata.type": "#microsoft.graph.aadUserConversationMember",
        roles: ["owner"],
        "user@odata.bind": `https://graph.microsoft.com/v1.0/users('${ids.ada}')`,
    };
    const made = await run("add a team member", team("/members").post(member));
    const members = await run("list team members", team("/members").get());
    assert.ok(members.value.some((one) => one.userId === ids.ada));
    const kind = { "@odata.type": member["@odata.type"] };
    const place = `/members/${encodeURIComponent(made.id)}`;
    assert.deepEqual((await run("make an owner a member", team(place).patch({ ...kind, roles: [] }))).roles, []);
    await run("remove a team member", team(place).delete());
}

/** Works in a mailbox and a calendar. */
async function mailAndCalendar(ids) {
    const ada = (below) => graph.api(`/users/${ids.ada}${below}`);
    const message = {
        subject: "Notes",
        body: { contentType: "HTML", content: "<p>About the engine</p>" },
        toRecipients: [{ emailAddress: { address: "grace@contoso.example" } }],
    };
    const draft = await run("write a draft", ada("/messages").post(message));
    assert.equal((await run("get a draft", ada(`/messages/${draft.id}`).get())).body.contentType, "html");
    await run("send a draft", ada(`/messages/${draft.id}/send`).post({}));
    await run("send mail", ada("/sendMail").post({ message, saveToSentItems: true }));
    const messages = await run("list messages", ada("/messages").get());
    assert.deepEqual(messages.value.map((one) => one.isDraft), [false, false]);
    const replies = { status: "alwaysEnabled", externalAudience: "none", internalReplyMessage: "I am away." };
    await run("answer automatically", ada("/mailboxSettings").patch({ automaticRepliesSetting: replies }));
    const settings = await run("get mailbox settings", ada("/mailboxSettings").get());
    assert.equal(settings.automaticRepliesSetting.status, "alwaysEnabled");
    const rules = "/mailFolders/inbox/messageRules";
    const rule = await run("create a rule",
        ada(rules).post({ displayName: "Pass on", sequence: 1, isEnabled: true, actions: { markAsRead: true } }));
    assert.deepEqual(names(await run("list rules", ada(rules).get())), ["Pass on"]);
    await run("delete a rule", ada(`${rules}/${rule.id}`).delete());
    const grace = (below) => graph.api(`/users/${ids.grace}${below}`);
    assert.equal((await run("list events", grace("/events").get())).value.length, 2);
    const moment = (hour) => ({ dateTime: `2026-12-01T${hour}:00:00`, timeZone: "UTC" });
    const event = await run("create an event", grace("/events").post({ subject: "Lunch", start: moment(12),
        end: moment(13) }));
    assert.equal((await run("get an event", grace(`/events/${event.id}`).get())).subject, "Lunch");
    const window = { startDateTime: "2026-12-01T00:00:00Z", endDateTime: "2026-12-02T00:00:00Z" };
    const view = await run("view a day", grace("/calendarView").query(window).get());
    assert.deepEqual(view.value.map((one) => one.subject).sort(), ["Lunch", "Review"]);
    await run("delete an event", grace(`/events/${event.id}`).delete());
    const weekly = { pattern: { type: "weekly", interval: 1, daysOfWeek: ["tuesday"] },
        range: { type: "numbered", startDate: "2026-12-01", numberOfOccurrences: 2 } };
    const series = await run("create a series", grace("/events").post({ subject: "Stand-up", start: moment(14),
        end: moment(15), recurrence: weekly }));
    const instances = () => grace(`/events/${series.id}/instances`).query({
        startDateTime: "2026-12-01T00:00:00Z", endDateTime: "2027-01-01T00:00:00Z" });
    const found = await run("list instances in a time zone",
        instances().header("Prefer", 'outlook.timezone="Tokyo Standard Time"').get());
    assert.deepEqual(found.value.map((one) => [one.type, one.start.dateTime.slice(0, 16)]),
        [["occurrence", "2026-12-01T23:00"], ["occurrence", "2026-12-08T23:00"]]);
    await run("delete an occurrence", grace(`/events/${found.value[0].id}`).delete());
    assert.equal((await run("list the other instance", instances().get())).value.length, 1);
    await run("delete a series", grace(`/events/${series.id}`).delete());
    const calendars = await run("list calendars", grace("/calendars").get());
    const permissions = `/calendars/${calendars.value[0].id}/calendarPermissions`;
    await run("share a calendar", grace(permissions).post({
        emailAddress: { address: "ada@contoso.example", name: "Ada" }, isInsideOrganization: true,
            isRemovable: true, role: "read",
    }));
    assert.ok((await run("list permissions of a calendar", grace(permissions).get())).value.length >= 2);
}

/** Works in two drives. */
async function files(ids) {
    const drive = await run("get a drive", graph.api(`/users/${ids.grace}/drive`).get());
    const target = await run("get another drive", graph.api(`/users/${ids.ada}/drive`).get());
    const [source, other] = [drive, target].map(({ id }) => (below) => graph.api(`/drives/${id}/${below}`));
    const children = await run("list children", source("root/children").get());
    assert.deepEqual(children.value.map((item) => item.name), ["Reports"]);
    const everything = await run("list every item", source("root/delta()").get());
    assert.equal(everything.value.length, 3);
    const folder = await run("create a folder", other("items/root/children").post({
        name: "From Grace", folder: {}, "@microsoft.graph.conflictBehavior": "fail" }));
    const written = await run("upload a file", other(`items/${folder.id}:/note.txt:/content`).put("hello"));
    assert.equal(written.size, 5);
    assert.equal((await run("get an item", other(`items/${written.id}`).get())).name, "note.txt");
    const content = await run("download a file",
        other(`items/${written.id}/content`).responseType(ResponseType.TEXT).get());
    assert.equal(content, "hello");
    const order = { name: "Reports", parentReference: { driveId: target.id, id: folder.id } };
    await run("copy a folder", source(`items/${children.value[0].id}/copy`).post(order));
    const invitation = { recipients: [{ email: "ada@contoso.example" }], roles: ["read"], requireSignIn: true,
        sendInvitation: false };
    const shared = await run("share the drive", source("root/invite").post(invitation));
    assert.deepEqual(shared.value[0].roles, ["read"]);
}

/** Roles, assignments, devices, the organization, reports. */
async function theRest(ids) {
    const roles = "/roleManagement/directory/roleAssignments";
    const held = await run("list role assignments", graph.api(roles).filter(`principalId eq '${ids.edsger}'`).get());
    await run("remove a role", graph.api(`${roles}/${held.value[0].id}`).delete());
    const assigned = await run("list app role assignments", graph.api(`/users/${ids.grace}/appRoleAssignments`).get());
    const [{ id, resourceId }] = assigned.value;
    await run("remove an app role assignment",
        graph.api(`/servicePrincipals/${resourceId}/appRoleAssignedTo/${id}`).delete());
    const consents = await run("list consents", graph.api(`/users/${ids.grace}/oauth2PermissionGrants`).get());
    await run("remove a consent", graph.api(`/oauth2PermissionGrants/${consents.value[0].id}`).delete());
    assert.deepEqual(names(await run("get the organization", graph.api("/organization").get())), ["Contoso"]);
    const devices = await run("list devices", graph.api(`/users/${ids.grace}/managedDevices`).get());
    await run("retire a device", graph.api(`/deviceManagement/managedDevices/${devices.value[0].id}/retire`).post({}));
    const settings = await run("get report settings", graph.api("/admin/reportSettings").get());
    assert.equal(settings.displayConcealedNames, false);
    const report = graph.api("/reports/getM365AppUserDetail(period='D7')").responseType(ResponseType.TEXT);
    const table = await run("download a report", report.get());
    assert.match(table.replace(/^\uFEFF/, ""), /^Report Refresh Date,/);
}

/** Sends several requests at once. */
async function batches(ids) {
    const steps = [
        { id: "1", request: new Request(`${root}/users/${ids.ada}`) },
        {
            id: "2",
            dependsOn: ["1"],
            request: new Request(`${root}/users/${ids.ada}`, {
                method: "PATCH",
                body: '{"department":"Mathematics"}',
                headers: { "Content-Type": "application/json" },
            }),
        },
        { id: "3", dependsOn: ["2"], request: new Request(`${root}/users/nobody@contoso.example`) },
    ];
    const content = await new BatchRequestContent(steps).getContent();
    const answer = new BatchResponseContent(await run("a batch", graph.api("/$batch").post(content)));
    assert.deepEqual(["1", "2", "3"].map((id) => answer.getResponseById(id).status), [200, 204, 404]);
    const ada = await run("read what the batch wrote", graph.api(`/users/${ids.ada}`).select("department").get());
    assert.equal(ada.department, "Mathematics");
}

const ids = await readsUsers();
await queries();
await changesPeople(ids);
await teams(ids, await groups(ids));
await mailAndCalendar(ids);
await files(ids);
await theRest(ids);
await batches(ids);
console.log(`${done.length} operations`);
