"""The facts of an account as Parquet files, for a warehouse or Spark.

    DIR/orders/account=ACCOUNT/month=2026-03/NAME.parquet    facts with a day, by month
    DIR/products/account=ACCOUNT/NAME.parquet                the others
    DIR/_segconnect/ACCOUNT.json                             the manifest

A file is named by what is in it, and never changes; the manifest says which files an export is
made of. So a part that did not change is not written again, and a crash leaves the export that was
there.
"""

from segconnect.account.export.manifest import Manifest, Part, read_manifest
from segconnect.account.export.parquet import Written, export

__all__ = ["Manifest", "Part", "Written", "export", "read_manifest"]
