import pytest

from worker.domain.ticket import EDGES, Status, path
from worker.errors import InvalidTransition


class TestPath:
    @pytest.mark.parametrize(
        ("current", "wanted", "way"),
        [
            (Status.NEW, Status.NEW, ()),
            (Status.NEW, Status.RESOLVED, (Status.TRIAGED, Status.IN_PROGRESS, Status.RESOLVED)),
            (Status.TRIAGED, Status.PENDING_CUSTOMER, (Status.IN_PROGRESS, Status.PENDING_CUSTOMER)),
            (Status.PENDING_CUSTOMER, Status.RESOLVED, (Status.RESOLVED,)),
            (Status.RESOLVED, Status.PENDING_CUSTOMER, (Status.IN_PROGRESS, Status.PENDING_CUSTOMER)),
            (Status.RESOLVED, Status.CLOSED, (Status.CLOSED,)),
        ],
    )
    def test_it_is_the_shortest_legal_way(self, current, wanted, way):
        assert path(current, wanted) == way

    @pytest.mark.parametrize("wanted", [status for status in Status if status is not Status.CLOSED])
    def test_nothing_leads_out_of_closed(self, wanted):
        with pytest.raises(InvalidTransition) as caught:
            path(Status.CLOSED, wanted)

        assert caught.value.legal == ()

    def test_a_refusal_names_the_legal_edges(self):
        with pytest.raises(InvalidTransition, match="in_progress cannot become triaged; legal from here: pending"):
            path(Status.IN_PROGRESS, Status.TRIAGED)


class TestEdges:
    def test_every_status_has_its_row(self):
        assert set(EDGES) == set(Status)
