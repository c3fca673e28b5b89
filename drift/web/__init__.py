"""The way in over HTTP: what may be asked, how it is answered, and the document that says so."""
