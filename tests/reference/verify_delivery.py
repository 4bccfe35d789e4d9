"""Checks one delivery with the reference library of Standard Webhooks.

Reads {"secret", "headers", "body"} as JSON from standard input. Ends with 0 if the library accepts the
delivery and refuses it once its body is another.
"""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError

delivery = json.load(sys.stdin)
webhook = Webhook(delivery["secret"])
webhook.verify(delivery["body"], delivery["headers"])
try:
    webhook.verify(delivery["body"] + " ", delivery["headers"])
except WebhookVerificationError:
    sys.exit(0)
sys.exit("the library accepts another body as well, so its answer means nothing")
