"""What goes wrong in a run: chosen by the seed, each for a while, then undone; at the end of the storm all is put right."""

from sim.cluster.database import CLONE_US, Server
from sim.cluster.hosts import Site
from sim.cluster.storm import KINDS, Storm
from sim.cluster.venue import DATABASES, GATEWAYS
from sim.cluster.world import SECOND_US

Pair = tuple[str, str]


def crash(storm: Storm) -> bool:
    """A process is killed, now or a few steps into what it does next."""
    process = storm.someone()
    if process.host is None or not process.host.is_alive:
        return False
    steps = storm.chance.randint(1, 300)
    storm.say(f"{process.site.name} will crash after {steps} steps")
    process.host.crash_after(steps)
    return True


def handover(storm: Storm) -> bool:
    """A sequencer is asked to stop: a planned hand-over."""
    process = storm.replica()
    event = storm.venue.stops.get(process.site.name)
    if event is None or process.host is None or not process.host.is_running:
        return False
    storm.say(f"{process.site.name} is asked to stop")
    process.host.loop.call_soon(event.set)
    return True


def pause(storm: Storm) -> bool:
    """A process is stopped for a while (SIGSTOP), and goes on as if nothing had been."""
    process = storm.someone()
    host = process.host
    if host is None or not host.is_running:
        return False
    host.pause()
    storm.lasting((0.2, 5.0), host.resume)
    return True


def buried_leader(storm: Storm) -> bool:
    """The leader is stopped, and stays so until the venue is back without it: its connections are open and silent."""
    process = storm.venue.processes.get(storm.venue.leader())
    if process is None or process.host is None or not process.host.is_running:
        return False
    process.host.pause()
    storm.bury(process.host.resume)
    return True


def slow_process(storm: Storm) -> bool:
    """A process gets little of the processor."""
    host = storm.someone().host
    if host is None or not host.is_alive:
        return False
    host.loop.slowness = storm.chance.randint(20, 400)
    storm.say(f"{host.name} is slow, {host.loop.slowness} times")
    loop = host.loop
    storm.lasting((0.5, 3.0), lambda: setattr(loop, "slowness", 1))
    return True


def _cut(storm: Storm, pairs: list[Pair]) -> bool:
    network = storm.venue.network
    for pair in pairs:
        network.cut(*pair)
    storm.say("cut " + ", ".join(f"{source}>{target}" for source, target in pairs))
    storm.lasting((0.2, 5.0), lambda: network.heal(*pairs))
    return True


def partition(storm: Storm) -> bool:
    """A machine and some others do not reach each other."""
    site = storm.someone().site.name
    others = [name for name in storm.venue.sites if name != site and storm.chance.random() < 0.6]
    return bool(others) and _cut(storm, [pair for name in others for pair in ((site, name), (name, site))])


def isolation(storm: Storm) -> bool:
    """A sequencer's machine and the databases, or the gateways, do not reach each other."""
    site = storm.replica().site.name
    others = storm.chance.choice((DATABASES, GATEWAYS))
    return _cut(storm, [pair for name in others for pair in ((site, name), (name, site))])


def split(storm: Storm) -> bool:
    """The leader and a gateway, whose clients only read meanwhile, reach each other and nobody else."""
    leader = storm.replica().site.name
    name = storm.chance.choice(GATEWAYS)
    gateway = storm.venue.gateways.get(name)
    if gateway is None:
        return False
    gateway.is_reading_only = True
    rest = [other for other in storm.venue.sites if other not in (leader, name)]
    pairs = [pair for inside in (leader, name) for other in rest for pair in ((inside, other), (other, inside))]

    def heal() -> None:
        gateway.is_reading_only = False

    storm.lasting((5.0, 6.0), heal)
    return _cut(storm, pairs)


def one_way(storm: Storm) -> bool:
    """What a machine sends does not arrive, or what is sent to it."""
    site = storm.replica().site.name
    others = storm.chance.choice((DATABASES, GATEWAYS, (*DATABASES, *GATEWAYS)))
    if storm.chance.random() < 0.5:
        return _cut(storm, [(site, name) for name in others])
    return _cut(storm, [(name, site) for name in others])


def slow_network(storm: Storm) -> bool:
    """Everything takes longer on its way."""
    network = storm.venue.network
    network.slowness = storm.chance.randint(5, 60)
    storm.say(f"the network is slow, {network.slowness} times")
    storm.lasting((0.5, 4.0), lambda: setattr(network, "slowness", 1))
    return True


def lost_connections(storm: Storm) -> bool:
    """The database ends sessions; what they did may be committed."""
    server = storm.venue.database.primary
    pids = list(server.backends)
    if not pids:
        return False
    share = storm.chance.choice((0.15, 0.5, 1.0))
    for pid in pids:
        if storm.chance.random() < share:
            storm.venue.database.terminate(server, pid)
    storm.say(f"the database ends sessions, {share:.0%}")
    return True


def lost_links(storm: Storm) -> bool:
    """Connections between gateways and sequencers are reset."""
    process = storm.venue.processes[storm.chance.choice(GATEWAYS)]
    if process.host is None or not process.host.is_alive:
        return False
    for transport in list(process.host.transports):
        if transport.peer is not None:
            transport.peer.abort()
    storm.say(f"connections of {process.site.name} are reset")
    return True


def _power_on(storm: Storm, site: Site) -> None:
    network = storm.venue.network
    network.unpowered.discard(site.name)
    network.retry()
    if site.name in storm.venue.processes:
        storm.venue.start(storm.venue.processes[site.name])


def power(storm: Storm) -> bool:
    """A machine goes dark: nobody is told."""
    process = storm.someone()
    if process.site.name in storm.venue.network.unpowered:
        return False
    storm.say(f"{process.site.name} goes dark")
    storm.venue.network.unpowered.add(process.site.name)
    if process.host is not None:
        process.host.kill("power")
    storm.lasting((0.5, 5.0), lambda: _power_on(storm, process.site))
    return True


def clock(storm: Storm) -> bool:
    """A sequencer's clock is set, forward or back."""
    site = storm.replica().site
    jump = int(storm.chance.choice((-1, 1)) * storm.chance.choice((0.2, 1.0, 3.0, 20.0)) * SECOND_US)
    site.clock_ahead_us += jump
    storm.say(f"the clock of {site.name} jumps by {jump / SECOND_US} s")
    storm.lasting((0.5, 6.0), lambda: setattr(site, "clock_ahead_us", 0))
    return True


def _back_up(storm: Storm, server: Server) -> None:
    database = storm.venue.database
    if not server.is_up:
        database.start(server)
    storm.venue.world.after(CLONE_US, storm.venue.database.pair_again)


def database_restart(storm: Storm) -> bool:
    """The primary's process is killed and started again: what its disk has is there."""
    database, server = storm.venue.database, storm.venue.database.primary
    if not server.is_up:
        return False
    storm.say(f"{server.site.name} is killed and will be started again")
    database.crash(server)
    storm.lasting((0.3, 3.0), lambda: _back_up(storm, server))
    return True


def failover(storm: Storm) -> bool:
    """The primary is lost, its standby takes its place; the last commits may have reached it or not."""
    database = storm.venue.database
    if not (database.is_paired and database.primary.is_up and database.standby.is_up):
        return False
    old = database.primary
    storm.say(f"{old.site.name} is lost")
    database.lose(old)

    def promote() -> None:
        database.promote()
        storm.lasting((1.0, 4.0), lambda: _back_up(storm, old))

    storm.lasting((0.3, 6.0), promote)
    return True


def standby_lost(storm: Storm) -> bool:
    """The pair's link is cut: commits wait until the automation lets them go on alone."""
    database = storm.venue.database
    if not database.is_paired:
        return False
    source, target = database.primary.site.name, database.standby.site.name
    storm.venue.network.cut(source, target)
    storm.say("the database's standby is cut off")

    def heal() -> None:
        storm.venue.network.heal((source, target))
        storm.venue.world.after(CLONE_US, storm.venue.database.pair_again)

    storm.lasting((0.3, 6.0), heal)
    return True


def database_pause(storm: Storm) -> bool:
    """The primary is stopped for a while."""
    host = storm.venue.database.primary.host
    if host is None or not host.is_running:
        return False
    host.pause()
    storm.lasting((0.1, 3.0), host.resume)
    return True


def slow_disk(storm: Storm) -> bool:
    """The primary's disk is slow."""
    server = storm.venue.database.primary
    server.slowness = storm.chance.randint(10, 300)
    storm.say(f"the disk of {server.site.name} is slow, {server.slowness} times")
    storm.lasting((0.5, 4.0), lambda: setattr(server, "slowness", 1))
    return True


def disk_full(storm: Storm) -> bool:
    """There is no room for rows on the primary."""
    server = storm.venue.database.primary
    server.is_full = True
    storm.say(f"the disk of {server.site.name} is full")
    storm.lasting((0.3, 4.0), lambda: setattr(server, "is_full", False))
    return True


def torn_snapshot(storm: Storm) -> bool:
    """The newest snapshot loses its end."""
    tables = storm.venue.database.primary.tables
    if not tables.snapshots:
        return False
    sequence = max(tables.snapshots)
    size = storm.chance.randrange(len(tables.snapshots[sequence].state))
    tables.tear(sequence, size)
    storm.say(f"the snapshot at {sequence} is torn")
    return True


def feed_lost(storm: Storm) -> bool:
    """Valkey is killed, frozen, emptied, loses entries, or resets its connections."""
    server = storm.venue.valkey
    storm.venue.history.counts["feed away"] = 1
    what = storm.chance.choice(
        ("killed", "frozen", "emptied", "robbed of entries", "reset", "out of the leader's reach")
    )
    storm.say(f"Valkey is {what}")
    if what == "killed":
        server.stop()
        storm.lasting((0.2, 4.0), lambda: setattr(server, "is_up", True))
    elif what == "frozen":
        server.is_frozen = True
        storm.lasting((0.2, 4.0), server.thaw)
    elif what == "emptied":
        server.streams = {}
    elif what == "reset":
        server.reset()
    elif what == "out of the leader's reach":
        leader = storm.replica().site.name
        return _cut(storm, [(leader, "valkey"), ("valkey", leader)])
    else:
        for stream, entries in server.streams.items():
            server.streams[stream] = [entry for entry in entries if storm.chance.random() < 0.7]
    return True


def projection_lost(storm: Storm) -> bool:
    """The database of projections restarts and forgets its newest commits."""
    storm.say("the database of projections restarts")
    storm.venue.projection.crash()
    return True


KINDS.update(
    {
        "crash": (crash, 12),
        "hand-over": (handover, 6),
        "pause": (pause, 8),
        "slow process": (slow_process, 4),
        "partition": (partition, 6),
        "isolation": (isolation, 6),
        "one-way cut": (one_way, 6),
        "split": (split, 5),
        "slow network": (slow_network, 3),
        "lost sessions": (lost_connections, 7),
        "lost links": (lost_links, 6),
        "power": (power, 4),
        "clock": (clock, 6),
        "database restart": (database_restart, 4),
        "database failover": (failover, 5),
        "database standby": (standby_lost, 4),
        "database pause": (database_pause, 4),
        "slow disk": (slow_disk, 3),
        "disk full": (disk_full, 3),
        "torn snapshot": (torn_snapshot, 4),
        "feed": (feed_lost, 8),
        "projection": (projection_lost, 4),
        "buried leader": (buried_leader, 0),
    }
)
