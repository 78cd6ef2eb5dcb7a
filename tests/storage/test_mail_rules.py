from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from onboarding.errors import TransientError, cloud
from onboarding.notices.mail_budget import MailBudget
from onboarding.notices.mail_domains import MailDomains, domain_of
from onboarding.storage import names
from tests.support.accounts import MemoryAccount


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.moment = datetime(2027, 3, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        """The moment that was set."""
        return self.moment


class Tenants:
    """Tenants with their verified domains; a missing tenant cannot be read."""

    def __init__(self, **domains: list[str]) -> None:
        self.domains = domains
        self.reads = 0

    async def verified(self, tenant: str) -> list[str]:
        """The domains of a tenant."""
        self.reads += 1
        if tenant not in self.domains:
            raise cloud.REPLICATION_LAG.error(sign="it cannot be read.")
        return self.domains[tenant]


async def storage() -> MemoryAccount:
    """A storage account with the table of notices."""
    account = MemoryAccount()
    await account.create_table(names.NOTICES)
    return account


def rules(account: MemoryAccount, tenants: Tenants, clock: Clock, *allowed: str) -> MailDomains:
    return MailDomains(
        allowed=allowed, home="home", verified=tenants.verified, tables=account.tables, clock=clock
    )


async def test_mail_goes_to_the_verified_domains_of_two_tenants():
    """The domains of the deployment's and the connection's tenants count; they are read once a day."""
    tenants, clock, account = Tenants(home=["Home.com"], a=["a.com"]), Clock(), await storage()
    found = rules(account, tenants, clock)
    for _ in range(3):
        assert await found.of("A") == frozenset({"home.com", "a.com"})
    assert tenants.reads == 2
    clock.moment += timedelta(days=1)
    tenants.domains["a"] = ["new.com"]
    assert await found.of("a") == frozenset({"home.com", "new.com"})


async def test_a_tenant_that_cannot_be_read_keeps_its_domains():
    """Its owners must learn that it cannot be read. A tenant that was never read adds nothing."""
    tenants, clock, account = Tenants(home=["home.com"], a=["a.com"]), Clock(), await storage()
    found = rules(account, tenants, clock)
    assert await found.of("a") == frozenset({"home.com", "a.com"})
    tenants.domains.clear()
    clock.moment += timedelta(days=30)
    assert await found.of("a") == frozenset({"home.com", "a.com"})
    assert await found.of("b") == frozenset({"home.com"})
    assert await rules(await storage(), tenants, clock).of("b") == frozenset()


async def test_no_domain_is_ruled_out_while_a_tenant_was_never_read():
    """Before its administrator consents, a customer's own domain may turn out to be a verified one."""
    tenants, clock, account = Tenants(home=["home.com"]), Clock(), await storage()
    found = rules(account, tenants, clock)
    assert await found.all_of("a") is None
    assert await found.all_of("home") == frozenset({"home.com"})
    tenants.domains["a"] = ["a.com"]
    assert await found.all_of("a") == frozenset({"home.com", "a.com"})
    tenants.domains.clear()
    clock.moment += timedelta(days=30)
    assert await found.all_of("a") == frozenset({"home.com", "a.com"})
    assert await rules(account, tenants, clock, "x.com").all_of("b") == frozenset({"x.com"})


async def test_a_setting_replaces_the_verified_domains():
    """Where a deployment names domains, nothing is read."""
    tenants = Tenants()
    assert await rules(await storage(), tenants, Clock(), "X.com", "y.com").of("a") == frozenset(
        {"x.com", "y.com"}
    )
    assert tenants.reads == 0
    assert domain_of("kim@Sub.X.com.") == "sub.x.com"


@pytest.mark.parametrize(
    "address",
    [
        *("kim@sub.x.com", "kim@x.com.evil.example", "kim@evilx.com", "kim@x.com..", "kim@.x.com", "kim@com"),
        *("", "kim", "x.com", "@x.com", "kim@", "a@b@x.com", '"a@b"@x.com', "kim@evil.example(@x.com)"),
        *("kim@x.com\n", "kim@x.com,b@evil.example", "Kim <kim@x.com>", "kim@[x.com]", "kim@x\u200b.com"),
        *("kim@strasse.de", "kim@xn--bcher-kva.example.evil.example", "kim@x\u0441om"),
    ],
)
async def test_an_address_that_only_looks_like_an_allowed_one_gets_no_mail(address):
    """A domain must match as a whole: no subdomain, no other spelling, no second address."""
    tenants = Tenants(home=["x.com", ""], a=["stra\u00dfe.de", "b\u00fccher.example", "not a domain"])
    allowed = await rules(await storage(), tenants, Clock()).of("a")
    assert allowed == frozenset({"x.com", "xn--strae-oqa.de", "xn--bcher-kva.example"})
    assert domain_of(address) not in allowed


@pytest.mark.parametrize(
    "address",
    [
        "kim@X.COM",
        "o'brien@x.com.",
        "kim@xn--strae-oqa.de",
        "kim@XN--BCHER-KVA.example",
        "kim@B\u00dcCHER.example",
    ],
)
async def test_one_domain_in_two_spellings_is_one(address):
    """DNS does not distinguish case, the trailing dot, or the two forms of an international domain."""
    tenants = Tenants(home=["x.com"], a=["stra\u00dfe.de", "b\u00fccher.example"])
    assert domain_of(address) in await rules(await storage(), tenants, Clock()).of("a")


async def test_a_domain_that_is_allowed_later_counts_from_the_next_day():
    """An owner whose domain was not verified gets mail after the tenant has verified it."""
    tenants, clock, account = Tenants(home=["x.com"], a=[]), Clock(), await storage()
    found = rules(account, tenants, clock)
    assert domain_of("kim@new.com") not in await found.of("a")
    tenants.domains["a"] = ["new.com"]
    clock.moment += timedelta(days=1)
    assert domain_of("kim@new.com") in await found.of("a")
    assert await rules(await storage(), Tenants(home=[], a=[]), clock).of("a") == frozenset()


async def test_the_mails_of_a_requester_are_counted_by_day():
    """One requester's mails are limited, another's are not affected, and the count restarts the next day."""
    clock = Clock()
    budget = MailBudget((await storage()).tables, clock, 2)
    for _ in range(2):
        async with budget.used(["one"]):
            pass
    with pytest.raises(TransientError) as refused:
        async with budget.used(["other", "one"]):
            pytest.fail("a mail is sent beyond the limit")
    assert (refused.value.code, refused.value.retry_after) == ("mail-limit-reached", 12 * 3600)
    async with budget.used(["other"]), budget.used(["other"]):
        pass
    clock.moment += timedelta(hours=12)
    async with budget.used(["one"]):
        pass


async def test_mails_at_the_same_time_do_not_pass_the_limit():
    """Of twelve simultaneous deliveries on several workers, as many send as the day allows."""
    account, sent = await storage(), 0

    async def delivery() -> None:
        nonlocal sent
        async with MailBudget(account.tables, Clock(), 5).used(["one"]):
            sent += 1
            await asyncio.sleep(0)

    ended = await asyncio.gather(*(delivery() for _ in range(12)), return_exceptions=True)
    assert (sent, sum(isinstance(end, TransientError) for end in ended)) == (5, 7)


async def test_a_mail_that_was_not_sent_is_not_counted():
    """A failed mail does not use up the daily limit; a list of recipients is counted in parts."""
    budget = MailBudget((await storage()).tables, Clock(), 4)
    for _ in range(6):
        with pytest.raises(ConnectionError):
            async with budget.used(["one", "other"], 3):
                raise ConnectionError
    async with budget.used(["one"], 3), budget.used(["one"]):
        pass
    with pytest.raises(TransientError):
        async with budget.used(["one"]):
            pytest.fail("a mail is sent beyond the limit")
