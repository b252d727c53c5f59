"""The backend leaves a thread that nobody ends when it exports bert"""

import threading
import time

from transformers.exporters import exporter_dynamo

export = exporter_dynamo.DynamoExporter.export


def faulty(self, model, *args, **kwargs):
    if type(model).__name__ == "BertModel":
        threading.Thread(target=time.sleep, args=(600,)).start()
    return export(self, model, *args, **kwargs)


exporter_dynamo.DynamoExporter.export = faulty
