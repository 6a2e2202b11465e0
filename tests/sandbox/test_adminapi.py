"""The admin API over real sockets: envelopes, the ladder of refusals, paging, batches."""

from __future__ import annotations

import base64
import email.parser
import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx2
import pytest
from exchange_wire import MONITORING, PAYROLL, PAYROLL_V1, HandClock, Wire, by_id, raw

from hveadmin.sandbox import cmdlets
from hveadmin.sandbox.faults import Switches
from hveadmin.sandbox.seed import CONTOSO, guid_of

SETTINGS = "Get-HVEAccountSettings"


# --- the envelope -------------------------------------------------------------------------------------------------


def test_a_record_comes_in_the_recorded_envelope(wire: Wire) -> None:
    reply = wire.invoke("Get-MailUser", {"Identity": "hve-payroll"})
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("application/json;odata.metadata=minimal;")
    assert reply.headers["odata-version"] == "4.0"
    assert str(UUID(reply.headers["request-id"])) == reply.headers["request-id"]
    assert reply.headers["x-calculatedbetarget"].endswith(".PROD.OUTLOOK.COM")
    body = reply.json()
    record = body.pop("value")[0]
    assert body == {
        "@odata.context": f"{wire.running.base_url}/adminapi/beta/{CONTOSO}/$metadata"
        "#Collection(Exchange.GenericHashTable)",
        "adminapi.warnings@odata.type": "#Collection(String)",
        "@adminapi.warnings": [],
    }
    guid = guid_of("contoso", "mail-user", "hve-payroll@contoso.com")
    assert (
        record
        | {
            "Guid@data.type": "System.Guid",
            "Guid@odata.type": "#Guid",
            "Guid": guid,
            "WhenCreated@data.type": "System.DateTime",
            "WhenCreated": "2025-03-14T09:26:53.0000000+00:00",
            "EmailAddresses@odata.type": "#Collection(String)",
            "EmailAddresses": ["SMTP:hve-payroll@contoso.com", "smtp:payslips@contoso.com"],
            "PrimarySmtpAddress": "hve-payroll@contoso.com",
            "HiddenFromAddressListsEnabled": True,
        }
        == record
    )


@pytest.mark.parametrize("tenant", [CONTOSO, CONTOSO.upper(), "contoso.onmicrosoft.com", "Contoso.com"])
def test_the_tenant_is_named_by_id_or_domain_and_echoed_as_it_was_named(wire: Wire, tenant: str) -> None:
    reply = replace(wire, tenant=tenant).invoke(SETTINGS, {"Identity": "hve-shop"})
    assert f"/adminapi/beta/{tenant}/$metadata" in reply.json()["@odata.context"]


def test_paths_ignore_case(wire: Wire) -> None:
    reply = wire.invoke(SETTINGS, {"Identity": "hve-shop"}, url=f"/AdminApi/Beta/{CONTOSO}/invokecommand")
    assert reply.status_code == 200


@pytest.mark.parametrize("spelling", ["$select", "%24select"])
def test_select_limits_the_properties_and_their_companions(wire: Wire, spelling: str) -> None:
    url = f"/adminapi/beta/{CONTOSO}/InvokeCommand?{spelling}=allowedapps,Identity"
    (record,) = wire.invoke(SETTINGS, {"Identity": "hve-shop"}, url=url).json()["value"]
    assert set(record) == {"Identity", "AllowedApps", "AllowedApps@odata.type"}


def test_warnings_are_in_the_envelope(wire: Wire) -> None:
    wire.sandbox.set_switches(Switches(duplicates="warn"))
    reply = wire.invoke("Add-HVEAppAccess", {"Identity": "hve-alert-web", "AppIds": [MONITORING]})
    assert reply.status_code == 200
    assert reply.json()["@adminapi.warnings"] == [
        f"The application '{MONITORING}' is already allowed for 'hve-alert-web@contoso.com'."
    ]


def test_a_question_to_be_confirmed_is_in_the_envelope(wire: Wire) -> None:
    parameters = {"Identity": "hve-payroll", "AppIds": [PAYROLL], "Confirm": True}
    body = wire.invoke("Remove-HVEAppAccess", parameters).json()
    assert "Remove-HVEAppAccess" in body["@adminapi.confirmationmessage"]
    assert PAYROLL in wire.apps("hve-payroll")


@pytest.mark.parametrize(
    ("mode", "status", "body"), [("records", 200, None), ("no_content", 204, b""), ("empty_body", 200, b"")]
)
def test_a_setter_answers_as_the_switch_says(wire: Wire, mode: str, status: int, body: bytes | None) -> None:
    wire.sandbox.set_switches(Switches.parse({"setter_reply": mode}))
    reply = wire.invoke("Add-HVEAppAccess", {"Identity": "hve-shop", "AppIds": [PAYROLL]})
    assert reply.status_code == status
    assert reply.json()["value"] == [] if body is None else reply.content == body
    assert PAYROLL in wire.apps("hve-shop")


_ONE, _TWO = MONITORING, "11a2f7c3-58d4-4b0e-a6c1-3e9d7b5f90c3"


@pytest.mark.parametrize(
    ("shape", "account", "written"),
    [
        (
            "collection_string",
            "hve-alert-web",
            {"AllowedApps@odata.type": "#Collection(String)", "AllowedApps": [_ONE]},
        ),
        ("collection_string", "hve-alert-db", {"AllowedApps@odata.type": "#Collection(String)", "AllowedApps": []}),
        ("collection_guid", "hve-alert-web", {"AllowedApps@odata.type": "#Collection(Guid)", "AllowedApps": [_ONE]}),
        ("null_when_empty", "hve-alert-db", {"AllowedApps": None}),
        ("absent_when_empty", "hve-alert-db", {}),
        (
            "absent_when_empty",
            "hve-alert-web",
            {"AllowedApps@odata.type": "#Collection(String)", "AllowedApps": [_ONE]},
        ),
        ("single_string", "hve-alert-web", {"AllowedApps": _ONE}),
        ("comma_string", "hve-payroll", {"AllowedApps": f"{PAYROLL},{_TWO},{_ONE}"}),
        ("guid_objects", "hve-alert-web", {"AllowedApps": [{"Guid": _ONE}]}),
        (
            "mixed_case_braces",
            "hve-payroll",
            {
                "AllowedApps@odata.type": "#Collection(String)",
                "AllowedApps": [f"{{{PAYROLL.upper()}}}", _TWO, f"{{{_ONE.upper()}}}"],
            },
        ),
    ],
)
def test_the_list_is_written_as_the_switch_says(wire: Wire, shape: str, account: str, written: dict[str, Any]) -> None:
    wire.sandbox.set_switches(Switches.parse({"allowed_apps_shape": shape}))
    (record,) = wire.invoke(SETTINGS, {"Identity": account}).json()["value"]
    assert {name: value for name, value in record.items() if name.startswith("AllowedApps")} == written


# --- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "code"), [(404, "NotFound"), (400, "BadRequest")])
def test_an_object_that_does_not_exist_gives_the_recorded_error(wire: Wire, status: int, code: str) -> None:
    wire.sandbox.set_switches(Switches.parse({"not_found_status": status}))
    reply = wire.invoke(SETTINGS, {"Identity": "x@contoso.com"})
    error = reply.json()["error"]
    assert (reply.status_code, error["code"], error["message"]) == (status, code, "Error executing cmdlet")
    (detail,) = error["details"]
    error_id, exception, text = detail["message"].split("|")
    assert (detail["code"], detail["target"], error_id) == ("Client", "", "Ex6F9304")
    assert exception == "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException"
    assert text.startswith("The operation couldn't be performed because object 'x@contoso.com' couldn't be found on '")
    # The inner exception of this error says nothing useful, as recorded.
    assert "DirectInvokeCmdletExecutionException' was thrown" in error["innererror"]["internalexception"]["message"]
    assert error["@adminapi.warnings"] == []
    assert reply.headers["x-exceptiontype"] == exception


def test_an_unknown_parameter_gives_the_recorded_error(wire: Wire) -> None:
    reply = wire.invoke("Get-MailUser", {"BogusParameter": 1})
    error = reply.json()["error"]
    text = (
        "Parameter set cannot be resolved using the specified named parameters."
        " Invalid cmdlet parameters specified. BogusParameter"
    )
    exception = "Microsoft.Exchange.AdminApi.CommandInvocation.AmbiguousParameterSetException"
    assert (reply.status_code, error["code"], error["message"]) == (400, "BadRequest", "Invalid Operation")
    assert error["details"] == [{"code": "Client", "target": "", "message": f"|{exception}|{text}"}]
    assert error["innererror"]["internalexception"] == {"message": text, "type": exception, "stacktrace": ""}


def test_a_bad_value_gives_the_recorded_error_without_details(wire: Wire) -> None:
    reply = wire.invoke("Add-HVEAppAccess", {"Identity": "hve-shop", "AppIds": ["Nonsense"]})
    error = reply.json()["error"]
    assert (reply.status_code, error["message"]) == (400, "Invalid Operation")
    assert "details" not in error
    inner = error["innererror"]["internalexception"]
    assert inner["type"] == "Microsoft.Exchange.AdminApi.CommandInvocation.ParameterTransformationException"
    assert inner["message"].startswith(
        "Cannot process argument transformation on parameter 'AppIds'. Cannot convert value \"Nonsense\" to type"
    )


def test_a_refusal_of_the_cmdlet_names_type_and_text(wire: Wire) -> None:
    reply = wire.invoke("Add-HVEAppAccess", {"Identity": "hve-full", "AppIds": [PAYROLL_V1]})
    error_id, exception, text = reply.json()["error"]["details"][0]["message"].split("|")
    assert (reply.status_code, error_id[:2], len(error_id)) == (400, "Ex", 8)
    assert exception == "Microsoft.Exchange.Data.DataValidationException"
    assert "at most 10" in text
    assert len(wire.apps("hve-full")) == 10


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"CmdletInput": {"CmdletName": "Get-MailUser", "Parameters": None}}, id="null parameters"),
        pytest.param({"CmdletInput": {"CmdletName": "Get-MailUser"}}, id="no parameters"),
        pytest.param({"cmdletInput": {"cmdletName": "Get-MailUser", "parameters": {}}}, id="keys in another case"),
        pytest.param([1], id="a list"),
    ],
)
def test_a_body_of_another_form_is_refused(wire: Wire, body: object) -> None:
    reply = wire.post(f"/adminapi/beta/{CONTOSO}/InvokeCommand", body)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "BadRequest")


# --- the ladder ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"roles": []}, id="no role at all"),
        pytest.param({"roles": ["Exchange.ManageAsAppV2", "Exchange.AdminAPI.ManageAsApp"]}, id="the look-alikes"),
        pytest.param({"aud": "https://graph.microsoft.com"}, id="Graph's audience"),
        pytest.param({"tid": guid_of("elsewhere")}, id="another tenant"),
        pytest.param({"scp": "Exchange.ManageV2"}, id="the V2 scope"),
        pytest.param({"exp": 1}, id="expired"),
    ],
)
def test_a_token_that_may_not_connect_gets_401_and_no_words(wire: Wire, claims: dict[str, Any]) -> None:
    reply = wire.as_caller(**claims).invoke("Get-MailUser", {"HVEAccount": True})
    assert (reply.status_code, reply.content, reply.headers["www-authenticate"]) == (401, b"", "Bearer")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer x.y.z", "Basic {token}", "{token}"])
def test_no_token_and_a_bad_one_get_401(wire: Wire, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.format(token=wire.token())}
    assert wire.invoke("Get-MailUser", {"HVEAccount": True}, headers=headers).status_code == 401


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"aud": "https://outlook.office.com"}, id="the other host"),
        pytest.param({"aud": "00000002-0000-0ff1-ce00-000000000000"}, id="the application's id"),
        pytest.param({"roles": None, "scp": "openid Exchange.Manage"}, id="a user"),
    ],
)
def test_other_good_tokens_are_good(wire: Wire, claims: dict[str, Any]) -> None:
    assert wire.as_caller(**claims).invoke("Get-MailUser", {"HVEAccount": True}).status_code == 200


@pytest.mark.parametrize(
    ("wids", "cmdlet"),
    [
        pytest.param([], "Get-MailUser", id="no directory role"),
        pytest.param([cmdlets.GLOBAL_READER], "Add-HVEAppAccess", id="a reader writes"),
        pytest.param([cmdlets.EXCHANGE_ADMINISTRATOR], "Get-Nonsense", id="no such cmdlet"),
    ],
)
def test_without_the_right_role_the_answer_is_nul_bytes_that_claim_to_be_gzip(
    wire: Wire, wids: list[str], cmdlet: str
) -> None:
    caller = wire.as_caller(wids=wids)
    url = f"/adminapi/beta/{CONTOSO}/InvokeCommand"
    body = {"CmdletInput": {"CmdletName": cmdlet, "Parameters": {"Identity": "hve-shop", "AppIds": [PAYROLL]}}}
    with caller.http.stream("POST", url, json=body, headers=caller.headers()) as reply:
        assert reply.status_code == 403
        assert reply.headers["content-encoding"] == "gzip"
        assert set(raw(reply)) == {0}
    assert PAYROLL not in wire.apps("hve-shop")


def test_v1_does_not_answer_invoke_command(wire: Wire) -> None:
    reply = wire.invoke("Get-MailUser", {}, url=f"/adminapi/v1.0/{CONTOSO}/InvokeCommand")
    assert reply.status_code == 405
    assert wire.http.get(f"/adminapi/beta/{CONTOSO}/InvokeCommand", headers=wire.headers()).status_code == 405


def test_claims_are_challenged_once_until_another_token_comes(wire: Wire) -> None:
    wire.sandbox.set_switches(Switches(claims_challenge="once"))
    first = wire.invoke(SETTINGS, {"Identity": "hve-shop"})
    challenge = first.headers["www-authenticate"]
    encoded = challenge.partition('claims="')[2].rstrip('"')
    assert (first.status_code, "insufficient_claims" in challenge) == (401, True)
    assert "nbf" in json.loads(base64.b64decode(encoded))["access_token"]
    assert wire.invoke(SETTINGS, {"Identity": "hve-shop"}).status_code == 401
    assert wire.as_caller(uti="new").invoke(SETTINGS, {"Identity": "hve-shop"}).status_code == 200


def test_claims_may_be_challenged_for_ever(wire: Wire) -> None:
    wire.sandbox.set_switches(Switches(claims_challenge="always"))
    replies = [wire.as_caller(uti=str(n)).invoke(SETTINGS, {"Identity": "hve-shop"}) for n in range(3)]
    assert [each.status_code for each in replies] == [401] * 3


# --- EXOModuleFile ------------------------------------------------------------------------------------------------


def module_file(wire: Wire) -> httpx2.Response:
    return wire.http.get(f"/adminapi/v1.0/{CONTOSO}/EXOModuleFile?Version=3.7", headers=wire.headers(CommandName="*"))


def test_the_module_file_names_what_this_caller_may_run(wire: Wire) -> None:
    (whole,) = module_file(wire).json()["value"]
    (reading,) = module_file(wire.as_caller(wids=[cmdlets.SECURITY_READER])).json()["value"]
    assert "Add-HVEAppAccess" in whole["exportedCmdlets"].split(",")
    assert {name[:4] for name in reading["exportedCmdlets"].split(",")} == {"Get-"}


def test_the_module_file_follows_the_ladder(wire: Wire) -> None:
    assert module_file(wire.as_caller(roles=[])).status_code == 401
    with wire.http.stream(
        "GET", f"/adminapi/v1.0/{CONTOSO}/EXOModuleFile", headers=wire.as_caller(wids=[]).headers()
    ) as reply:
        assert (reply.status_code, set(raw(reply))) == (403, {0})


# --- paging -------------------------------------------------------------------------------------------------------

LISTING = {"HVEAccount": True}


def page_headers(wire: Wire, size: int, anchor: str = "APP:SystemMailbox{x}@contoso") -> dict[str, str]:
    return wire.headers(Prefer=f"odata.maxpagesize={size}", **{"X-AnchorMailbox": anchor})


def test_pages_together_hold_every_account_once(wire: Wire) -> None:
    headers = page_headers(wire, 4)
    url: str | None = f"/adminapi/beta/{CONTOSO}/InvokeCommand?$select=PrimarySmtpAddress"
    sizes, addresses = [], []
    while url:
        page = wire.invoke("Get-MailUser", LISTING, url=url, headers=headers).json()
        sizes.append(len(page["value"]))
        addresses += [each["PrimarySmtpAddress"] for each in page["value"]]
        assert all(set(each) == {"PrimarySmtpAddress"} for each in page["value"])
        url = page.get("@odata.nextLink")
    assert sizes == [4, 4, 4, 2]
    assert addresses == [each.address for each in wire.sandbox.tenant("contoso").accounts()]


@pytest.mark.parametrize("size", [7, 14, 1000, 5000])
def test_the_last_page_has_no_link(wire: Wire, size: int) -> None:
    page = wire.invoke("Get-MailUser", LISTING, headers=page_headers(wire, size)).json()
    assert ("@odata.nextLink" in page) == (size < 14)


def next_link(wire: Wire) -> str:
    link = wire.invoke("Get-MailUser", LISTING, headers=page_headers(wire, 4)).json()["@odata.nextLink"]
    assert link.startswith(f"{wire.running.base_url}/adminapi/beta/{CONTOSO}/InvokeCommand?%24skiptoken=")
    return str(link)


def assert_expired(reply: httpx2.Response) -> None:
    error = reply.json()["error"]
    assert (reply.status_code, error["message"], "details" in error) == (400, "Invalid Operation", False)
    inner = error["innererror"]["internalexception"]
    text = "Expired or Invalid pagination request. Default Expiry time is 00:30:00"
    assert (inner["message"], inner["type"]) == (text, "System.Exception")


def test_a_link_works_for_half_an_hour(wire: Wire, clock: HandClock) -> None:
    link = next_link(wire)
    clock.advance(minutes=29, seconds=59)
    assert wire.invoke("Get-MailUser", LISTING, url=link, headers=page_headers(wire, 4)).status_code == 200
    clock.advance(seconds=1)
    assert_expired(wire.invoke("Get-MailUser", LISTING, url=link, headers=page_headers(wire, 4)))


def test_a_link_is_bound_to_anchor_and_body(wire: Wire) -> None:
    link = next_link(wire)
    assert_expired(wire.invoke("Get-MailUser", LISTING, url=link, headers=page_headers(wire, 4, anchor="UPN:other")))
    assert_expired(
        wire.invoke("Get-MailUser", {"HVEAccount": True, "ResultSize": 1}, url=link, headers=page_headers(wire, 4))
    )


@pytest.mark.parametrize("token", ["", "x", "bm9uc2Vuc2U=", "e30=", "W10=", "%00"])
def test_a_made_up_link_is_refused(wire: Wire, token: str) -> None:
    url = f"/adminapi/beta/{CONTOSO}/InvokeCommand?%24skiptoken={token}"
    assert_expired(wire.invoke("Get-MailUser", LISTING, url=url, headers=page_headers(wire, 4)))


def test_links_may_never_be_followable(wire: Wire) -> None:
    wire.sandbox.set_switches(Switches(next_link_followable=False))
    link = next_link(wire)
    assert_expired(wire.invoke("Get-MailUser", LISTING, url=link, headers=page_headers(wire, 4)))


# --- $batch -------------------------------------------------------------------------------------------------------

THREE = (
    (SETTINGS, {"Identity": "hve-alert-web"}),
    (SETTINGS, {"Identity": "nobody"}),
    (SETTINGS, {"Identity": "hve-alert-db"}),
)


def test_each_request_of_a_batch_is_answered_on_its_own(wire: Wire) -> None:
    reply = wire.batch(*THREE)
    answers = by_id(reply)
    assert reply.status_code == 200
    assert {key: each["status"] for key, each in answers.items()} == {"0": 200, "1": 404, "2": 200}
    assert answers["0"]["body"]["value"][0]["AllowedApps"] == [MONITORING]
    assert answers["1"]["body"]["error"]["code"] == "NotFound"
    assert answers["2"]["body"]["value"][0]["AllowedApps"] == []
    request_ids = {each["headers"]["request-id"] for each in answers.values()}
    assert len(request_ids) == 3


def test_a_batch_comes_in_any_order_unless_it_is_told_otherwise(wire: Wire) -> None:
    calls = [(SETTINGS, {"Identity": "hve-shop"})] * 10

    def order() -> list[str]:
        return [each["id"] for each in wire.batch(*calls).json()["responses"]]

    sent = [str(number) for number in range(10)]
    shuffled = [order() for _ in range(4)]
    assert all(sorted(each) == sent for each in shuffled)
    assert any(each != sent for each in shuffled)
    wire.sandbox.set_switches(Switches(batch_order="as_sent"))
    assert order() == sent
    wire.sandbox.set_switches(Switches(batch_order="reversed"))
    assert order() == sent[::-1]


def test_requests_of_a_batch_may_bring_their_own_token(wire: Wire) -> None:
    url = f"/adminapi/beta/{CONTOSO}/$batch"
    own = f"Bearer {wire.as_caller(wids=[]).token()}"
    items = [
        wire.item("poor", SETTINGS, {"Identity": "hve-shop"}, Authorization=own),
        wire.item("rich", SETTINGS, {"Identity": "hve-shop"}),
    ]
    answers = by_id(wire.post(url, {"requests": items}))
    assert {key: each["status"] for key, each in answers.items()} == {"poor": 403, "rich": 200}
    assert set(answers["poor"]["body"]) == {"\x00"}
    alone = wire.post(url, {"requests": [items[0]]}, headers={"Accept": "application/json"})
    assert (alone.status_code, by_id(alone)["poor"]["status"]) == (200, 403)
    assert wire.post(url, {"requests": items}, headers={"Accept": "application/json"}).status_code == 401


def test_a_batch_with_a_bad_token_of_its_own_is_401(wire: Wire) -> None:
    assert wire.as_caller(roles=[]).batch(*THREE).status_code == 401


@pytest.mark.parametrize(("accept", "switch"), [("*/*", "as_asked"), ("application/json", "multipart")])
def test_a_batch_may_be_answered_in_multipart(wire: Wire, accept: str, switch: str) -> None:
    wire.sandbox.set_switches(Switches.parse({"batch_reply": switch}))
    reply = replace(wire, accept=accept).batch(*THREE)
    head = f"Content-Type: {reply.headers['content-type']}\r\n\r\n".encode()
    message = email.parser.BytesParser().parsebytes(head + reply.content)
    answers = {}
    for part in (each for each in message.walk() if not each.is_multipart()):
        assert part.get_content_type() == "application/http"
        status_line, _, rest = str(part.get_payload()).partition("\r\n")
        answers[str(part["Content-ID"])] = (status_line, json.loads(rest.partition("\r\n\r\n")[2]))
    assert {key: line for key, (line, _) in answers.items()} == {
        "0": "HTTP/1.1 200 OK",
        "1": "HTTP/1.1 404 Not Found",
        "2": "HTTP/1.1 200 OK",
    }
    assert answers["0"][1]["value"][0]["AllowedApps"] == [MONITORING]


def test_a_batch_may_always_be_answered_in_json(wire: Wire) -> None:
    wire.sandbox.set_switches(Switches(batch_reply="json"))
    assert len(by_id(replace(wire, accept="*/*").batch(*THREE))) == 3


def test_a_batch_may_stop_at_the_first_error_unless_told_to_go_on(wire: Wire) -> None:
    wire.sandbox.set_switches(Switches(batch_errors="stop"))
    assert set(by_id(wire.batch(*THREE))) == {"0", "1"}
    going_on = wire.headers(Prefer="odata.maxpagesize=1000;odata.continue-on-error")
    assert set(by_id(wire.batch(*THREE, headers=going_on))) == {"0", "1", "2"}


def test_a_request_of_a_batch_pages_and_selects_like_one_alone(wire: Wire) -> None:
    item = wire.item("0", "Get-MailUser", LISTING, Prefer="odata.maxpagesize=10")
    item["url"] += "?$select=Alias"
    url = f"/adminapi/beta/{CONTOSO}/$batch"
    first = by_id(wire.post(url, {"requests": [item]}))["0"]["body"]
    second = by_id(wire.post(url, {"requests": [item | {"url": first["@odata.nextLink"]}]}))["0"]["body"]
    assert (len(first["value"]), len(second["value"])) == (10, 4)
    assert set(second["value"][0]) == {"Alias"}


def test_a_url_of_a_batch_may_be_relative(wire: Wire) -> None:
    item = wire.item("0", SETTINGS, {"Identity": "hve-shop"}) | {"url": "/InvokeCommand"}
    answers = by_id(wire.post(f"/adminapi/beta/{CONTOSO}/$batch", {"requests": [item]}))
    assert answers["0"]["status"] == 200


@pytest.mark.parametrize(
    "change", [{"method": "GET"}, {"url": "/Users"}, {"url": ""}, {"url": f"https://x/adminapi/v1.0/{CONTOSO}/X"}]
)
def test_what_is_no_invoke_command_is_404_in_a_batch(wire: Wire, change: dict[str, str]) -> None:
    item = wire.item("0", SETTINGS, {"Identity": "hve-shop"}) | change
    answers = by_id(wire.post(f"/adminapi/beta/{CONTOSO}/$batch", {"requests": [item]}))
    assert answers["0"]["status"] == 404


def test_a_batch_does_not_reach_into_another_tenant(wire: Wire) -> None:
    item = wire.item("0", SETTINGS, {"Identity": "hve-shop"})
    item["url"] = item["url"].replace(CONTOSO, guid_of("elsewhere"))
    answers = by_id(wire.post(f"/adminapi/beta/{CONTOSO}/$batch", {"requests": [item]}))
    assert answers["0"]["status"] == 401


@pytest.mark.parametrize(
    "ids", [pytest.param([str(n) for n in range(21)], id="21"), pytest.param(["0", "0"], id="twice"), [""]]
)
def test_a_batch_that_is_too_long_or_ambiguous_is_refused_as_a_whole(wire: Wire, ids: list[str]) -> None:
    parameters = {"Identity": "hve-shop", "AppIds": [PAYROLL]}
    items = [wire.item(each, "Add-HVEAppAccess", parameters) for each in ids]
    assert wire.post(f"/adminapi/beta/{CONTOSO}/$batch", {"requests": items}).status_code == 400
    assert PAYROLL not in wire.apps("hve-shop")


@pytest.mark.parametrize("body", [{}, {"requests": "x"}, {"requests": [1]}, [], None])
def test_a_batch_of_another_form_is_refused(wire: Wire, body: object) -> None:
    assert wire.post(f"/adminapi/beta/{CONTOSO}/$batch", body).status_code == 400


@pytest.mark.parametrize(("mode", "status"), [("no_content", 204), ("empty_body", 200)])
def test_a_setter_without_a_body_has_none_in_a_batch_either(wire: Wire, mode: str, status: int) -> None:
    wire.sandbox.set_switches(Switches.parse({"setter_reply": mode}))
    answer = by_id(wire.batch(("Add-HVEAppAccess", {"Identity": "hve-shop", "AppIds": [PAYROLL]})))["0"]
    assert (answer["status"], "body" in answer) == (status, False)


def test_twenty_is_a_batch(wire: Wire) -> None:
    assert len(by_id(wire.batch(*[(SETTINGS, {"Identity": "hve-shop"})] * 20))) == 20
