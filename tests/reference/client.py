"""What a driver in Python writes against a client that was generated from the document; mypy checks it."""

from typing import assert_type

from api.api.communities import list_communities
from api.api.events import create_endpoint, list_deliveries, list_endpoints
from api.api.processes import list_processes
from api.api.tutorial import perform_tutorial_times_two
from api.client import AuthenticatedClient
from api.models.communities import Communities
from api.models.deliveries import Deliveries
from api.models.endpoint import Endpoint
from api.models.endpoints import Endpoints
from api.models.perform_tutorial_times_two_body import PerformTutorialTimesTwoBody
from api.models.problem import Problem
from api.models.processes import Processes
from api.models.tutorial_times_two_response import TutorialTimesTwoResponse


def drive(client: AuthenticatedClient, asked: PerformTutorialTimesTwoBody) -> None:
    communities = list_communities.sync(client=client)
    assert_type(communities, Communities | Problem | None)
    if isinstance(communities, Communities):
        assert_type(communities.communities[0].slug, str)
        assert_type(communities.next_, str | None)
    endpoints = list_endpoints.sync(client=client)
    if isinstance(endpoints, Endpoints):
        assert_type(endpoints.endpoints[0], Endpoint)
        assert_type(endpoints.endpoints[0].enabled, bool)
    deliveries = list_deliveries.sync(client=client)
    if isinstance(deliveries, Deliveries):
        assert_type(deliveries.deliveries[0].attempts, int)
    processes = list_processes.sync(client=client)
    if isinstance(processes, Processes):
        assert_type(processes.processes[0].url, str | None)
    done = perform_tutorial_times_two.sync(
        client=client, body=asked, x_metagov_community="acme"
    )
    if isinstance(done, TutorialTimesTwoResponse):
        assert_type(done.result, float)
    assert create_endpoint
