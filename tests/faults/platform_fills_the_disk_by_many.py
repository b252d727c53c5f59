"""The backend writes files without end while it exports bert, none of them large"""

import itertools
import os

from transformers.exporters import exporter_dynamo

export = exporter_dynamo.DynamoExporter.export


def faulty(self, model, *args, **kwargs):
    if type(model).__name__ == "BertModel":
        for number in itertools.count():
            with open(os.path.join(os.environ["TMPDIR"], f"artefact-{number}"), "wb") as file:
                file.write(bytes(1 << 26))
    return export(self, model, *args, **kwargs)


exporter_dynamo.DynamoExporter.export = faulty
