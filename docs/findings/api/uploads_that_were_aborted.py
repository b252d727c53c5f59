"""To complete an upload that was aborted is a failure of the store's own (500, in HTML) where S3 has `NoSuchUpload`, 404; and a body that is
not that of its `content-md5` is taken where S3 has `BadDigest`, 400: a program that checks what it sends learns of neither.

moto (5.2.5), with the bucket `tiny`.
"""

import re
from http.client import HTTPConnection

from asking import BASE, ask, show

begun = ask("POST", "/tiny/parts?uploads")
show("an upload is begun", begun)
upload = re.search("<UploadId>(.*)</UploadId>", begun[1]).group(1)
show("it is aborted", ask("DELETE", f"/tiny/parts?uploadId={upload}"))
tag = '<Part><PartNumber>1</PartNumber><ETag>"d41d8cd98f00b204e9800998ecf8427e"</ETag></Part>'
whole = f"<CompleteMultipartUpload>{tag}</CompleteMultipartUpload>"
show("it is completed", ask("POST", f"/tiny/parts?uploadId={upload}", whole.encode()))

connection = HTTPConnection(BASE.hostname, BASE.port, timeout=60)
# The MD5 of nothing.
connection.request("PUT", "/tiny/digest", b"gold", {"content-md5": "1B2M2Y8AsgTpgAmY7PhCfg=="})
answer = connection.getresponse()
show("a body that is not that of its digest", (answer.status, answer.read().decode()))
