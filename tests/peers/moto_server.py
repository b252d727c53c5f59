"""moto's S3 with a bucket, `tiny`: PORT FOLDER. It looks at no signature: keys that it knows are those that it has drawn itself."""

import sys
import threading
import urllib.request

from moto.server import ThreadedMotoServer

port = int(sys.argv[1])
ThreadedMotoServer("127.0.0.1", port, verbose=False).start()
urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/tiny", method="PUT")).close()
threading.Event().wait()
