"""Which of several servers is asked first: by what this process has found."""

from __future__ import annotations

from psycopg.conninfo import conninfo_to_dict

from ledger.postgres.silent_servers import ServerAddress, SilentServers


def _order(servers: SilentServers, dsn: str) -> tuple[object, object]:
    said = conninfo_to_dict(servers.ordered(dsn))
    return said["host"], said.get("port")


def test_who_let_in_last_is_first_and_who_was_silent_since_is_last() -> None:
    """With its own port; whoever was silent and lets in again is as good as any."""
    servers = SilentServers()
    dsn = "host=a,b,c port=1,2,3 user=u"
    assert servers.ordered(dsn) == dsn
    servers.let_in(ServerAddress("b", "2"))
    assert _order(servers, dsn) == ("b,a,c", "2,1,3")
    servers.was_silent(ServerAddress("b", "2"))
    assert _order(servers, dsn) == ("a,c,b", "1,3,2")
    servers.let_in(ServerAddress("c", "3"))
    assert _order(servers, dsn) == ("c,a,b", "3,1,2")
    servers.let_in(ServerAddress("b", "2"))
    assert _order(servers, dsn) == ("b,c,a", "2,3,1")


def test_one_port_is_of_all_and_addresses_go_with_their_names() -> None:
    """As the driver reads a list."""
    servers = SilentServers()
    servers.let_in(ServerAddress("b", "7"))
    assert _order(servers, "host=a,b port=7") == ("b,a", "7,7")
    servers.let_in(ServerAddress("d", "5432"))
    said = conninfo_to_dict(servers.ordered("host=c,d hostaddr=10.0.0.1,10.0.0.2"))
    assert (said["host"], said["hostaddr"]) == ("d,c", "10.0.0.2,10.0.0.1")


def test_one_server_alone_and_a_list_that_nobody_understands_stay_as_they_are() -> None:
    """What is wrong with it is said by the driver."""
    servers = SilentServers()
    servers.let_in(ServerAddress("b", "2"))
    for dsn in ("host=a", "host=a password='x,y'", "host=a,b port=1,2,3"):
        assert servers.ordered(dsn) == dsn


def test_a_connection_is_doubted_that_its_server_gave_before_it_was_silent() -> None:
    """One that it gave since answers."""
    servers, one = SilentServers(), ServerAddress("a", "1")
    before = servers.let_in(one)
    assert not servers.doubts(one, before)
    servers.was_silent(one)
    assert servers.doubts(one, before)
    assert not servers.doubts(ServerAddress("b", "1"), before)
    assert not servers.doubts(one, servers.let_in(one))
