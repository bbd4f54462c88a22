"""A small shop whose numbers are known: the data behind `segconnect demo`.

`shop` invents the world from a seed, `site` what people looked at in it, `exports` writes both down
the way that Shopify, Mailchimp, Brevo, Stripe, Meta, Google and the site's log hand it out, and
`truth` says what an account must hold once those files have been brought in.
`python -m segconnect.demo DIR` writes the files.
"""
