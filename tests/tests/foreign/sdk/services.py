"""What is done with teams, mail, calendars, files, devices and reports, and several things at once."""

from datetime import date

from msgraph import GraphServiceClient
from msgraph.generated.drives.item.items.item.copy.copy_post_request_body import CopyPostRequestBody
from msgraph.generated.drives.item.items.item.invite.invite_post_request_body import InvitePostRequestBody
from msgraph.generated.models.aad_user_conversation_member import AadUserConversationMember
from msgraph.generated.models.admin_report_settings import AdminReportSettings
from msgraph.generated.models.attendee import Attendee
from msgraph.generated.models.attendee_type import AttendeeType
from msgraph.generated.models.automatic_replies_setting import AutomaticRepliesSetting
from msgraph.generated.models.automatic_replies_status import AutomaticRepliesStatus
from msgraph.generated.models.body_type import BodyType
from msgraph.generated.models.calendar_permission import CalendarPermission
from msgraph.generated.models.calendar_role_type import CalendarRoleType
from msgraph.generated.models.date_time_time_zone import DateTimeTimeZone
from msgraph.generated.models.day_of_week import DayOfWeek
from msgraph.generated.models.drive_item import DriveItem
from msgraph.generated.models.drive_recipient import DriveRecipient
from msgraph.generated.models.email_address import EmailAddress
from msgraph.generated.models.event import Event
from msgraph.generated.models.event_type import EventType
from msgraph.generated.models.external_audience_scope import ExternalAudienceScope
from msgraph.generated.models.folder import Folder
from msgraph.generated.models.item_body import ItemBody
from msgraph.generated.models.item_reference import ItemReference
from msgraph.generated.models.mailbox_settings import MailboxSettings
from msgraph.generated.models.message import Message
from msgraph.generated.models.message_rule import MessageRule
from msgraph.generated.models.message_rule_actions import MessageRuleActions
from msgraph.generated.models.message_rule_predicates import MessageRulePredicates
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.patterned_recurrence import PatternedRecurrence
from msgraph.generated.models.recipient import Recipient
from msgraph.generated.models.recurrence_pattern import RecurrencePattern
from msgraph.generated.models.recurrence_pattern_type import RecurrencePatternType
from msgraph.generated.models.recurrence_range import RecurrenceRange
from msgraph.generated.models.recurrence_range_type import RecurrenceRangeType
from msgraph.generated.models.user import User
from msgraph.generated.users.item.calendar_view.calendar_view_request_builder import CalendarViewRequestBuilder
from msgraph.generated.users.item.events.item.cancel.cancel_post_request_body import CancelPostRequestBody
from msgraph.generated.users.item.events.item.instances.instances_request_builder import InstancesRequestBuilder
from msgraph.generated.users.item.send_mail.send_mail_post_request_body import SendMailPostRequestBody
from msgraph.generated.users.item.user_item_request_builder import UserItemRequestBuilder
from msgraph_core.requests.batch_request_builder import BatchRequestBuilder
from msgraph_core.requests.batch_request_content import BatchRequestContent
from msgraph_core.requests.batch_request_item import BatchRequestItem

from checks import Operations, asking, names


async def teams(ops: Operations, graph: GraphServiceClient, ids: dict[str, str], team_id: str) -> None:
    """Works with a team and its channels."""
    joined = await ops.run("list joined teams", graph.users.by_user_id(ids["grace"]).joined_teams.get())
    assert names(joined) == ["Project Kiruna"]
    team = graph.teams.by_team_id(team_id)
    read = await ops.run("get a team", team.get())
    assert (read.id, read.display_name) == (team_id, "Project Kiruna")
    channels = await ops.run("list channels", team.channels.get())
    budget = next(channel for channel in channels.value if channel.display_name == "Budget")
    address = f"https://graph.microsoft.com/v1.0/users('{ids['ada']}')"
    member = AadUserConversationMember(
        odata_type="#microsoft.graph.aadUserConversationMember",
        roles=["owner"],
        additional_data={"user@odata.bind": address},
    )
    made = await ops.run("add a team member", team.members.post(member))
    members = await ops.run("list team members", team.members.get())
    assert ids["ada"] in [one.user_id for one in members.value]
    membership = team.members.by_conversation_member_id(made.id)
    changed = await ops.run("make an owner a member", membership.patch(AadUserConversationMember(
        odata_type="#microsoft.graph.aadUserConversationMember", roles=[])))
    assert changed.roles == []
    place = team.channels.by_channel_id(budget.id).members
    await ops.run("add a channel member", place.post(member))
    inside = await ops.run("list channel members", place.get())
    assert len(inside.value) == 2
    await ops.run("remove a team member", membership.delete())


async def mail(ops: Operations, graph: GraphServiceClient, ids: dict[str, str]) -> None:
    """Works in a mailbox."""
    ada = graph.users.by_user_id(ids["ada"])
    letter = Message(
        subject="Notes",
        body=ItemBody(content_type=BodyType.Html, content="<p>About the engine</p>"),
        to_recipients=[Recipient(email_address=EmailAddress(address="grace@contoso.example"))],
    )
    draft = await ops.run("write a draft", ada.messages.post(letter))
    assert draft.is_draft and draft.subject == "Notes"
    read = await ops.run("get a draft", ada.messages.by_message_id(draft.id).get())
    assert read.body.content == "<p>About the engine</p>"
    await ops.run("send a draft", ada.messages.by_message_id(draft.id).send.post())
    body = SendMailPostRequestBody(message=letter, save_to_sent_items=True)
    await ops.run("send mail", ada.send_mail.post(body))
    messages = await ops.run("list messages", ada.messages.get())
    assert [message.is_draft for message in messages.value] == [False, False]
    await ops.run("delete a message", ada.messages.by_message_id(messages.value[0].id).delete())
    settings = await ops.run("get mailbox settings", ada.mailbox_settings.get())
    assert settings.automatic_replies_setting.status == AutomaticRepliesStatus.Disabled
    away = AutomaticRepliesSetting(
        status=AutomaticRepliesStatus.AlwaysEnabled,
        external_audience=ExternalAudienceScope.None_,
        internal_reply_message="I am away.",
    )
    changed = await ops.run(
        "answer automatically", ada.mailbox_settings.patch(MailboxSettings(automatic_replies_setting=away)))
    assert changed.automatic_replies_setting.status == AutomaticRepliesStatus.AlwaysEnabled
    inbox = ada.mail_folders.by_mail_folder_id("inbox")
    folder = await ops.run("get the inbox", inbox.get())
    assert folder.display_name == "Inbox"
    to_grace = [Recipient(email_address=EmailAddress(address="grace@contoso.example", name="Grace"))]
    rule = MessageRule(
        display_name="Pass on", sequence=1, is_enabled=True, actions=MessageRuleActions(forward_to=to_grace),
        conditions=MessageRulePredicates(subject_contains=["engine"]),
    )
    made = await ops.run("create a rule", inbox.message_rules.post(rule))
    rules = await ops.run("list rules", inbox.message_rules.get())
    assert [one.display_name for one in rules.value] == ["Pass on"]
    await ops.run("delete a rule", inbox.message_rules.by_message_rule_id(made.id).delete())


async def series(ops: Operations, grace: UserItemRequestBuilder) -> None:
    """Makes a meeting that recurs, lists its occurrences, and deletes one and then all."""
    moment = lambda hour: DateTimeTimeZone(date_time=f"2026-12-08T{hour}:00:00", time_zone="Pacific Standard Time")
    weekly = PatternedRecurrence(
        pattern=RecurrencePattern(
            type=RecurrencePatternType.Weekly, interval=1, days_of_week=[DayOfWeek.Tuesday]),
        range=RecurrenceRange(
            type=RecurrenceRangeType.Numbered, start_date=date(2026, 12, 8), number_of_occurrences=3))
    made = await ops.run("create a series", grace.events.post(
        Event(subject="Stand-up", start=moment("09"), end=moment("10"), recurrence=weekly)))
    one = grace.events.by_event_id(made.id)
    window = InstancesRequestBuilder.InstancesRequestBuilderGetQueryParameters(
        start_date_time="2026-12-01T00:00:00Z", end_date_time="2027-01-01T00:00:00Z")
    zone = {"Prefer": 'outlook.timezone="Pacific Standard Time"'}
    found = await ops.run("list instances in a time zone", one.instances.get(asking(window, **zone)))
    assert [(event.type, event.series_master_id) for event in found.value] == [(EventType.Occurrence, made.id)] * 3
    assert found.value[2].start.date_time.startswith("2026-12-22T09:00:00")
    await ops.run("delete an occurrence", grace.events.by_event_id(found.value[0].id).delete())
    found = await ops.run("list the other instances", one.instances.get(asking(window)))
    assert [event.start.date_time[:13] for event in found.value] == ["2026-12-15T17", "2026-12-22T17"]
    await ops.run("delete a series", one.delete())


async def calendar(ops: Operations, graph: GraphServiceClient, ids: dict[str, str]) -> None:
    """Works in a calendar."""
    grace = graph.users.by_user_id(ids["grace"])
    events = await ops.run("list events", grace.events.get())
    assert sorted(event.subject for event in events.value) == ["Focus", "Review"]
    of_calendar = await ops.run("list events of the calendar", grace.calendar.events.get())
    assert len(of_calendar.value) == 2
    window = CalendarViewRequestBuilder.CalendarViewRequestBuilderGetQueryParameters(
        start_date_time="2026-12-01T00:00:00Z", end_date_time="2026-12-02T00:00:00Z")
    view = await ops.run("view a day", grace.calendar_view.get(asking(window)))
    assert [event.subject for event in view.value] == ["Review"]
    await ops.refused("view without a window", grace.calendar_view.get(), 400, "ErrorInvalidParameter",
                      "This request requires a time window")
    moment = lambda hour: DateTimeTimeZone(date_time=f"2026-12-01T{hour}:00:00", time_zone="UTC")
    new = Event(subject="Lunch", start=moment(12), end=moment(13), attendees=[
        Attendee(type=AttendeeType.Required, email_address=EmailAddress(address="ada@contoso.example"))])
    made = await ops.run("create an event", grace.events.post(new))
    one = grace.events.by_event_id(made.id)
    read = await ops.run("get an event", one.get())
    assert (read.subject, read.attendees[0].email_address.address) == ("Lunch", "ada@contoso.example")
    await ops.run("cancel a meeting", one.cancel.post(CancelPostRequestBody(comment="Grace has left.")))
    await series(ops, grace)
    focus = next(event for event in events.value if event.subject == "Focus")
    await ops.run("delete an event", grace.events.by_event_id(focus.id).delete())
    calendars = await ops.run("list calendars", grace.calendars.get())
    primary = grace.calendars.by_calendar_id(calendars.value[0].id)
    permission = CalendarPermission(
        email_address=EmailAddress(address="ada@contoso.example", name="Ada"), role=CalendarRoleType.Read,
        is_inside_organization=True, is_removable=True)
    shared = await ops.run("share a calendar", primary.calendar_permissions.post(permission))
    permissions = await ops.run("list permissions of a calendar", primary.calendar_permissions.get())
    assert shared.id in [held.id for held in permissions.value]
    place = primary.calendar_permissions.by_calendar_permission_id(shared.id)
    changed = await ops.run("change a permission", place.patch(CalendarPermission(role=CalendarRoleType.Write)))
    assert changed.role == CalendarRoleType.Write
    await ops.run("remove a permission", place.delete())


async def files(ops: Operations, graph: GraphServiceClient, ids: dict[str, str]) -> None:
    """Works in two drives."""
    drive = await ops.run("get a drive", graph.users.by_user_id(ids["grace"]).drive.get())
    assert drive.quota.used == 2048
    target = await ops.run("get another drive", graph.users.by_user_id(ids["ada"]).drive.get())
    source, other = graph.drives.by_drive_id(drive.id), graph.drives.by_drive_id(target.id)
    root = await ops.run("get the root", source.root.get())
    items = source.items
    children = await ops.run("list children", items.by_drive_item_id(root.id).children.get())
    assert [child.name for child in children.value] == ["Reports"]
    below = await ops.run("list children of a folder", items.by_drive_item_id(children.value[0].id).children.get())
    assert [child.name for child in below.value] == ["2026.xlsx"] and below.value[0].size == 2048
    everything = await ops.run("list every item", items.by_drive_item_id("root").delta.get())
    assert len(everything.value) == 3
    folder = await ops.run("create a folder", other.items.by_drive_item_id("root").children.post(
        DriveItem(name="From Grace", folder=Folder(), additional_data={"@microsoft.graph.conflictBehavior": "fail"})))
    note = other.items.by_drive_item_id(f"{folder.id}:/note.txt:")
    written = await ops.run("upload a file", note.content.put(b"hello"))
    assert written.size == 5
    read = await ops.run("get an item", other.items.by_drive_item_id(written.id).get())
    assert read.name == "note.txt"
    content = await ops.run("download a file", other.items.by_drive_item_id(written.id).content.get())
    assert content == b"hello", content
    order = CopyPostRequestBody(name="Reports", parent_reference=ItemReference(drive_id=target.id, id=folder.id))
    await ops.run("copy a folder", items.by_drive_item_id(children.value[0].id).copy.post(order))
    invitation = InvitePostRequestBody(
        recipients=[DriveRecipient(email="ada@contoso.example")], roles=["read"], require_sign_in=True,
        send_invitation=False)
    shared = await ops.run("share the drive", items.by_drive_item_id("root").invite.post(invitation))
    assert shared.value[0].roles == ["read"]
    permissions = await ops.run("list permissions of the drive", items.by_drive_item_id("root").permissions.get())
    assert len(permissions.value) == 2


async def the_rest(ops: Operations, graph: GraphServiceClient, ids: dict[str, str]) -> None:
    """Devices, the organization, reports."""
    organization = await ops.run("get the organization", graph.organization.get())
    assert organization.value[0].display_name == "Contoso"
    subscriptions = await ops.run("list subscriptions", graph.directory.subscriptions.get())
    assert {one.sku_part_number for one in subscriptions.value} == {"SPE_E3", "EMS"}
    devices = await ops.run("list devices", graph.users.by_user_id(ids["grace"]).managed_devices.get())
    device = graph.device_management.managed_devices.by_managed_device_id(devices.value[0].id)
    await ops.run("retire a device", device.retire.post())
    settings = await ops.run("get report settings", graph.admin.report_settings.get())
    assert settings.display_concealed_names is False
    changed = await ops.run("conceal names", graph.admin.report_settings.patch(
        AdminReportSettings(display_concealed_names=True)))
    assert changed is None or changed.display_concealed_names is True
    report = graph.reports.get_m365_app_user_detail_with_period("D7")
    table = await ops.run("download a report", report.get())
    assert table.decode("utf-8-sig").startswith("Report Refresh Date,"), table[:40]


async def batches(ops: Operations, graph: GraphServiceClient, ids: dict[str, str]) -> None:
    """Sends several requests at once."""
    adapter = graph.request_adapter
    build = lambda request, name: BatchRequestItem(request, id=name)
    whole = BatchRequestContent()
    whole.add_request("1", build(graph.users.to_get_request_information(), "1"))
    # The SDK writes whole addresses, which Graph refuses.
    await ops.refused("a batch of whole addresses", BatchRequestBuilder(
        adapter, error_map={"XXX": ODataError}).post(whole), 400, "BadRequest", "not relative")
    content = BatchRequestContent()
    requests = {
        "read": graph.users.by_user_id(ids["ada"]).to_get_request_information(),
        "nobody": graph.users.by_user_id("nobody@contoso.example").to_get_request_information(),
        "write": graph.users.by_user_id(ids["ada"]).to_patch_request_information(User(department="Mathematics")),
    }
    for name, request in requests.items():
        item = build(request, name)
        item.url = request.url.removeprefix(adapter.base_url)
        content.add_request(name, item)
    answer = await ops.run("a batch", BatchRequestBuilder(adapter).post(content))
    statuses = answer.get_response_status_codes()
    assert statuses == {"read": 200, "nobody": 404, "write": 204}, statuses
    read = await ops.run("read what the batch wrote", graph.users.by_user_id(ids["ada"]).get(asking(
        UserItemRequestBuilder.UserItemRequestBuilderGetQueryParameters(select=["department"]))))
    assert read.department == "Mathematics"
