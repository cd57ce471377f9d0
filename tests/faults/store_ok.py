"""What must hold of a store after any fault."""

from pathlib import Path

from lcspec.run.findings import Report
from lcspec.run.store import Store
from lcspec.run.verify import verify


def assert_store_ok(root: Path) -> Report:
    """Every byte is what was written, every record has all its blobs, every finished step is in the ledger."""
    report = verify(root)
    assert report.findings == []
    store = Store.peek(root)
    for key in store.records:
        record = store.records[key]
        for digest in record.outputs.values():
            store.verify_tree(digest)
    return report
