"""One venue: which stacks there are, and which stands on which."""

from collections.abc import Mapping

import aws_cdk as cdk
from constructs import Construct

from infra.configuration import add_configuration
from infra.data import add_data
from infra.edge import add_edge
from infra.environments import Environment
from infra.fleets import Built
from infra.monitoring import Watched, add_dashboard, add_monitoring
from infra.network import add_network
from infra.notifications import add_notifications
from infra.plan import ENVIRONMENT_TAG, pascal
from infra.reports import add_reports
from infra.rotation import add_rotation
from infra.second_region import add_copies, add_standby_data
from infra.sequencer import add_sequencers
from infra.services import add_services
from infra.storage import add_storage


class Venue:
    """The exchange in one environment: stateful things apart, so that a deploy of gateways cannot replace a disk."""

    def __init__(self, scope: Construct, environment: Environment, accounts: Mapping[str, cdk.Stack]) -> None:
        self.scope = scope
        self.accounts = accounts
        self.environment = environment
        self.place = ""
        self.stacks: list[cdk.Stack] = []
        storage = add_storage(self._stack("storage"), environment)
        network = add_network(self._stack("network"), environment, storage.logs)
        stores = add_data(self._stack("data"), environment, network, storage)
        notices = add_notifications(self._stack("notifications"), environment, storage)
        edge = add_edge(self._stack("edge"), environment, network, storage)
        add_configuration(self._stack("configuration"), environment, storage, stores, notices, edge.plan)
        built = Built(network, storage, stores, notices, edge.plan)
        sequencers = add_sequencers(self._stack("sequencer"), environment, built)
        services = add_services(self._stack("services"), environment, built, edge.targets())
        reports = add_reports(self._stack("reports"), environment, network, storage, stores)
        watched = Watched(stores, edge, notices, reports, {"sequencer": sequencers, **services})
        add_monitoring(self._stack("monitoring"), environment, watched)
        add_dashboard(self._stack("dashboard"), environment)
        add_rotation(self._stack("rotation"), environment, network, storage, stores, notices)
        if environment.second is not None:
            add_copies(self.stacks[0], environment, storage)
            self._stand_by(environment.in_second_region())

    def _stand_by(self, environment: Environment) -> None:
        """Add what stands by in the second Region."""
        self.first_data = self._known("data")
        self.environment, self.place = environment, "second-"
        storage = add_storage(self._stack("storage"), environment)
        # Buckets and key must be there before anything is copied to them.
        self.stacks[0].add_stack_dependency(self.stacks[-1])
        network = add_network(self._stack("network"), environment, storage.logs)
        stores = add_standby_data(self._stack("data"), environment, network, storage)
        notices = add_notifications(self._stack("notifications"), environment, storage)
        edge = add_edge(self._stack("edge"), environment, network, storage)
        add_configuration(self._stack("configuration"), environment, storage, stores, notices, edge.plan)
        built = Built(network, storage, stores, notices, edge.plan)
        sequencers = add_sequencers(self._stack("sequencer"), environment, built)
        services = add_services(self._stack("services"), environment, built, edge.targets())
        watched = Watched(stores, edge, notices, None, {"sequencer": sequencers, **services})
        add_monitoring(self._stack("monitoring"), environment, watched)
        add_dashboard(self._stack("dashboard"), environment)

    def _known(self, name: str) -> cdk.Stack:
        found = f"{self.environment.prefix}-{self.place}{name}"
        return next(each for each in self.stacks if each.stack_name == found)

    def _stack(self, name: str) -> cdk.Stack:
        environment = self.environment
        stack = cdk.Stack(
            self.scope, f"{environment.prefix}-{self.place}{name}",
            suppress_template_indentation=True,  # CloudFormation takes 51,200 bytes without a bucket in between
            env=cdk.Environment(region=environment.region),
            description=f"openbourse {environment.name}: {name}",
            termination_protection=environment.is_protected and name in ("storage", "network", "data"),
            tags={ENVIRONMENT_TAG: environment.name, "openbourse:stack": pascal(name)},
        )  # fmt: skip
        if name in ("sequencer", "services"):
            # An instance reads its settings once, at its first start: they are there before it.
            stack.add_stack_dependency(self._known("configuration"))
        if self.place and name == "data":
            # A replica of the first Region's database, and the copy of its cache's secret: neither is there before it.
            stack.add_stack_dependency(self.first_data)
        if name in ("data", "edge"):  # they write where the account's settings say
            stack.add_stack_dependency(self.accounts[environment.region])
        self.stacks.append(stack)
        return stack
