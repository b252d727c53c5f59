"""The backend writes without end while it exports bert"""

import os

from transformers.exporters import exporter_dynamo

export = exporter_dynamo.DynamoExporter.export


def faulty(self, model, *args, **kwargs):
    if type(model).__name__ == "BertModel":
        with open(os.path.join(os.environ["TMPDIR"], "artefact"), "wb") as file:
            while True:
                file.write(bytes(1 << 24))
    return export(self, model, *args, **kwargs)


exporter_dynamo.DynamoExporter.export = faulty
