"""A small shop whose numbers are known: the data behind `segconnect demo`.

`shop` invents the world from a seed, `exports` writes it down the way that Shopify, Mailchimp,
Brevo, Stripe, Meta and Google hand it out, and `truth` says what an account must hold once those
files have been brought in. `python -m segconnect.demo DIR` writes the files.
"""
