"""Finding a request again: those of a contact, or the one that a sloppily written number means."""

from crm import db, reads
from crm.models import Product, ServiceRequest, Staff
from crm.request_rules import OPEN, STATUSES, read_number


async def of_contact(contact_id: int, *, open_only: bool = False, limit: int = 20) -> list[ServiceRequest]:
    """A contact's requests, newest first, with product, assignee and rating loaded."""
    statuses = OPEN if open_only else STATUSES
    rows = await db.read(
        f"{_OF_CONTACT} AND r.status IN ({db.placeholders(len(statuses))})"
        f" ORDER BY r.created_at DESC, r.id DESC LIMIT {int(limit)}",
        contact_id,
        *statuses,
    )
    found = [reads.as_model(ServiceRequest, row) for row in rows]
    for request, row in zip(found, rows, strict=True):
        request.product = reads.joined(Product, row, "p")
        request.assignee = reads.joined(Staff, row, "s")
    return found


_OF_CONTACT = (
    f"SELECT r.*, {reads.columns(Product, 'p')}, {reads.columns(Staff, 's')} FROM service_request r"
    " LEFT JOIN product p ON p.id = r.product_id LEFT JOIN staff s ON s.id = r.assignee_id"
    " WHERE r.contact_id = ?"
)


async def find(number: str, *, contact_id: int | None = None) -> ServiceRequest | None:
    """The request that a sloppily written number means, only this contact's if given; else None.

    Without a year the newest request with that running number is meant.
    """
    read = read_number(number)
    if read is None:
        return None
    query = ServiceRequest.filter(number__endswith=f"-{read.running:06d}")
    if read.year is not None:
        query = ServiceRequest.filter(number=f"SR-{read.year}-{read.running:06d}")
    if contact_id is not None:
        query = query.filter(contact_id=contact_id)
    return await query.order_by("-created_at", "-id").select_related("product", "assignee").first()
