from __future__ import annotations

import json

import pytest
from exchange import recorded

from hveadmin.domain.ids import Address
from hveadmin.errors import AlreadyThere, AuthError, CmdletFailed, Denied, NotFound, Throttled, UnreadableReply
from hveadmin.exchange.cmdlet import grant, list_accounts, settings_of
from hveadmin.exchange.replies import Page, read_batch, read_page, refusal
from hveadmin.wire.session import Reply

ACCOUNT = Address("hve-payroll@contoso.com")
READ = settings_of(ACCOUNT)
WRITE = grant(ACCOUNT, [])
HEADERS = {"request-id": "r-7", "x-calculatedbetarget": "PAXPR07MB1.eurprd07.PROD.OUTLOOK.COM"}
MORE = (
    "There are more results available than are currently displayed."
    " To view them, increase the value for the ResultSize parameter."
)


def answer(value: object, **headers: str) -> Reply:
    return Reply(200, {**HEADERS, **headers}, json.dumps(value).encode())


# Errors, as recorded


@pytest.mark.parametrize(
    ("status", "body", "kind", "text", "exception", "code"),
    [
        pytest.param(
            404,
            recorded.body("not_found.json"),
            NotFound,
            "The operation couldn't be performed because object 'x@contoso.com' couldn't be found on"
            " 'YQBPR01A12DC007.CANPR01A012.PROD.OUTLOOK.COM'.",
            "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException",
            "Ex6F9304",
            id="not found",
        ),
        pytest.param(
            400,
            recorded.body("no_such_mailbox.json"),
            NotFound,
            'The specified mailbox Identity:"x@contoso.com" doesn\'t exist.',
            "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException",
            "Ex41BAF5",
            id="no such mailbox",
        ),
        pytest.param(
            400,
            recorded.body("unknown_parameter.json"),
            CmdletFailed,
            "Parameter set cannot be resolved using the specified named parameters. Invalid cmdlet parameters"
            " specified. BogusParameter",
            "Microsoft.Exchange.AdminApi.CommandInvocation.AmbiguousParameterSetException",
            "BadRequest",
            id="unknown parameter",
        ),
        pytest.param(
            400,
            recorded.body("bad_value.json"),
            CmdletFailed,
            "Cannot process argument transformation on parameter 'QuarantineTypes'. Cannot convert value \"Nonsense\""
            ' to type "...". Error: ...',
            "Microsoft.Exchange.AdminApi.CommandInvocation.ParameterTransformationException",
            "BadRequest",
            id="bad value, no details",
        ),
        pytest.param(
            400,
            recorded.body("expired_page.json"),
            CmdletFailed,
            "Expired or Invalid pagination request. Default Expiry time is 00:30:00",
            "System.Exception",
            "BadRequest",
            id="expired page",
        ),
        pytest.param(
            400,
            recorded.body("already_a_member.json"),
            AlreadyThere,
            'The recipient "a" is already a member of the group "g".',
            "Microsoft.Exchange.Management.Tasks.MemberAlreadyExistsException",
            "Ex9C7DAC",
            id="already there",
        ),
        pytest.param(
            400,
            recorded.body("not_in_role.json"),
            Denied,
            "cmdlet Add-HVEAppAccess is not present in the role definition of the current user",
            "System.Management.Automation.CommandNotFoundException",
            "Forbidden",
            id="hidden by its role",
        ),
        pytest.param(
            400,
            recorded.body("localised.json"),
            CmdletFailed,
            "The address is not right.",
            "Microsoft.Exchange.Data.ParsingException",
            "BadRequest",
            id="JSON inside the message",
        ),
        pytest.param(403, recorded.body("role_not_supported.txt"), Denied, None, "", "403", id="role not supported"),
        pytest.param(429, recorded.body("concurrent.txt"), Throttled, None, "", "429", id="plain text with 429"),
        pytest.param(400, recorded.body("concurrent.txt"), Throttled, None, "", "400", id="plain text with 400"),
        pytest.param(403, "\0" * 160, Denied, "status 403 with 160 NUL bytes", "", "403", id="NUL bytes"),
        pytest.param(403, "", Denied, "status 403 with an empty body", "", "403", id="no body"),
        pytest.param(
            503, "<html>Sorry</html>", CmdletFailed, "status 503 with an HTML page", "", "503", id="front end's page"
        ),
        pytest.param(
            500, '{"error": {', CmdletFailed, "status 500 with JSON that is damaged or cut short", "", "500", id="half"
        ),
        pytest.param(500, '{"error": {}}', CmdletFailed, "status 500", "", "500", id="an empty envelope"),
        pytest.param(
            400,
            '{"error": {"code": "X", "message": "Error executing cmdlet", "details": [], "innererror": null}}',
            CmdletFailed,
            "Error executing cmdlet",
            "",
            "X",
            id="nothing but the generic message",
        ),
    ],
)
def test_recorded_errors_say_what_they_mean(
    status: int, body: str, kind: type[CmdletFailed], text: str | None, exception: str, code: str
) -> None:
    error = refusal(READ, Reply(status, HEADERS, body.encode()))
    assert type(error) is kind
    expected = f"{body} (status {status})" if text is None else text
    assert error.message.endswith(f": {expected}")
    assert error.message.startswith("Get-HVEAccountSettings hve-payroll@contoso.com was ")
    assert (error.exception, error.code) == (exception, code)
    assert (error.request_id, error.server) == (HEADERS["request-id"], HEADERS["x-calculatedbetarget"])


@pytest.mark.parametrize("body", [b"", b"UnAuthorized", bytes(20)])
def test_a_401_says_which_permission_is_missing_and_where_to_grant_it(body: bytes) -> None:
    error = refusal(READ, Reply(401, HEADERS, body))
    assert isinstance(error, AuthError)
    assert "Exchange.ManageAsApp" in error.hint
    assert "request-id r-7" in error.message


def test_a_403_says_which_role_is_missing() -> None:
    error = refusal(READ, Reply(403, {**HEADERS, "x-ms-diagnostics": '2000003;reason="No role";x="y"'}, bytes(9)))
    assert isinstance(error, Denied)
    assert error.message.endswith(": No role")
    assert "Exchange Recipient Administrator" in error.hint


def test_the_type_may_stand_in_a_header_alone() -> None:
    error = refusal(READ, Reply(500, {"x-exceptiontype": "A.ManagementObjectNotFoundException"}, b""))
    assert isinstance(error, NotFound)


def test_a_long_body_is_cut_and_made_one_line() -> None:
    error = refusal(READ, Reply(400, HEADERS, b"word\n" * 10_000))
    assert len(error.message) < 700
    assert "\n" not in error.message


# Success


@pytest.mark.parametrize(
    ("body", "records"),
    [
        ({"value": [{"A": 1}, {"A": 2}]}, ({"A": 1}, {"A": 2})),
        ({"Value": [{"A": 1}]}, ({"A": 1},)),
        ({"value": {"A": 1}}, ({"A": 1},)),
        ({"value": []}, ()),
        ({"value": None}, ()),
        ({"@odata.context": "x", "A": 1, "A@odata.type": "#Int16"}, ({"A": 1},)),
        ([{"A": 1}], ({"A": 1},)),
        ({"value": [{"A@data.type": "System.Guid", "A": 1}], "@adminapi.warnings": []}, ({"A": 1},)),
        ({"value": [], "@adminapi.errors": []}, ()),
        ({"value": [], "@adminapi.errors": None}, ()),
        ({"value": [], "@odata.nextLink": "  "}, ()),
        ({"value": [], "@odata.nextLink": None}, ()),
    ],
)
def test_an_envelope_is_read_in_every_shape(body: object, records: tuple[object, ...]) -> None:
    assert read_page(READ, answer(body)) == Page(records)  # type: ignore[arg-type]
    assert read_page(WRITE, answer(body)) == Page(records)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(200, HEADERS, b""), id="empty body"),
        pytest.param(Reply(204, HEADERS, b""), id="204"),
        pytest.param(answer({}), id="no value"),
        pytest.param(answer({"@odata.context": "x"}), id="only a context"),
    ],
)
def test_where_nothing_is_said_a_setter_is_done_and_a_read_is_unreadable(reply: Reply) -> None:
    assert read_page(WRITE, reply) == Page(())
    with pytest.raises(UnreadableReply) as caught:
        read_page(READ, reply)
    assert caught.value.request_id == "r-7"
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize(
    "body",
    [b"<html><body>Sorry</body></html>", bytes(50), b'{"value": [{"A"', b"42", b'"text"', b"null"],
)
def test_what_is_no_envelope_is_unreadable_and_a_write_may_have_been_done(body: bytes) -> None:
    for cmdlet in (READ, WRITE):
        with pytest.raises(UnreadableReply, match=r"hve-payroll@contoso\.com: the answer cannot be read") as caught:
            read_page(cmdlet, Reply(200, HEADERS, body))
        assert caught.value.outcome_unknown is cmdlet.writes


@pytest.mark.parametrize("value", [["text"], [None], [{"A": 1}, 2], "text", 7])
def test_a_value_of_something_else_than_records_is_unreadable(value: object) -> None:
    with pytest.raises(UnreadableReply):
        read_page(READ, answer({"value": value}))


def test_a_link_to_more_is_kept() -> None:
    page = read_page(
        list_accounts(), answer({"value": [], "@odata.nextLink": "https://x", "@adminapi.warnings": [MORE]})
    )
    assert page.next_link == "https://x"


@pytest.mark.parametrize(
    "reply",
    [
        answer({"value": [{"A": 1}], "@adminapi.warnings": [MORE]}),
        answer({"value": [{"A": 1}], "@adminapi.warnings": MORE}),
        answer({"value": [{"A": 1}]}, **{"x-warnings": MORE}),
        answer({"value": [{"A": 1}], "@adminapi.warnings": [MORE], "@odata.nextLink": " "}),
    ],
)
def test_a_listing_that_says_that_it_is_cut_short_is_unreadable(reply: Reply) -> None:
    with pytest.raises(UnreadableReply, match="more results"):
        read_page(list_accounts(), reply)


@pytest.mark.parametrize("told", [["|A.ManagementObjectNotFoundException|gone"], [{"message": "|A.B|gone"}], "gone"])
def test_errors_inside_a_success_are_errors(told: object) -> None:
    with pytest.raises(CmdletFailed, match="was refused: gone") as caught:
        read_page(READ, answer({"value": [{"AllowedApps": []}], "@adminapi.errors": told}))
    assert caught.value.request_id == "r-7"


@pytest.mark.parametrize("told", [{}, [7], True])
def test_errors_that_cannot_be_read_are_errors_too(told: object) -> None:
    with pytest.raises(CmdletFailed, match="errors inside a success"):
        read_page(READ, answer({"value": [], "@adminapi.errors": told}))


def test_an_error_envelope_inside_a_success_is_an_error() -> None:
    with pytest.raises(NotFound):
        read_page(READ, Reply(200, HEADERS, recorded.body("not_found.json").encode()))


# Batches


def test_members_are_told_apart_by_their_id() -> None:
    members = read_batch(
        answer(
            {
                "responses": [
                    {"id": "1", "status": 200, "headers": {"Request-Id": "r-b"}, "body": {"value": []}},
                    {"id": "0", "status": 429, "headers": {"Retry-After": 3}, "body": recorded.body("concurrent.txt")},
                    {"id": 2, "status": "204"},
                ]
            }
        )
    )
    assert members["0"] == Reply(429, {"retry-after": "3"}, recorded.body("concurrent.txt").encode())
    assert (members["1"].status, members["1"].request_id, members["1"].json()) == (200, "r-b", {"value": []})
    assert members["2"] == Reply(204, {}, b"")


def test_an_id_that_comes_twice_is_no_answer() -> None:
    member = {"id": "0", "status": 200, "body": {"value": []}}
    assert read_batch(answer({"responses": [member, member, {**member, "id": "1"}]})).keys() == {"1"}


@pytest.mark.parametrize("status", [None, "OK", -1, 1.5, True, [200]])
def test_a_member_without_a_status_is_no_success(status: object) -> None:
    members = read_batch(answer({"responses": [{"id": "0", "status": status, "body": {"value": []}}]}))
    with pytest.raises(CmdletFailed):
        read_page(READ, members["0"])


@pytest.mark.parametrize("body", [{}, [], {"responses": None}, {"responses": {}}, 7])
def test_what_is_no_batch_is_unreadable(body: object) -> None:
    with pytest.raises(UnreadableReply):
        read_batch(answer(body))
