"""The account over HTTP: requests are read, checked and answered here, by the rooms below.

`app` is the whole, `imports` and `tracking` are the routes that most requests take, and `owner`
what is asked with a key of the account. `arrivals` remembers what came lately, `script.js` is what
sites load, and `serving` runs all on uvicorn, within the bounds of `protocol`.
"""
