"""The backend kills its process while it exports bert"""

import os
import signal

from transformers.exporters import exporter_dynamo

export = exporter_dynamo.DynamoExporter.export


def faulty(self, model, *args, **kwargs):
    if type(model).__name__ == "BertModel":
        os.kill(os.getpid(), signal.SIGSEGV)
    return export(self, model, *args, **kwargs)


exporter_dynamo.DynamoExporter.export = faulty
