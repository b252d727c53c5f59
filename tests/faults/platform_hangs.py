"""The backend hangs in C while it exports bert"""

import ctypes

from transformers.exporters import exporter_dynamo

export = exporter_dynamo.DynamoExporter.export


def faulty(self, model, *args, **kwargs):
    if type(model).__name__ == "BertModel":
        ctypes.CDLL(None).sleep(600)
    return export(self, model, *args, **kwargs)


exporter_dynamo.DynamoExporter.export = faulty
