// The beginnings of streams, before the first frame.

export const XHR_PRELUDE = "h".repeat(2048) + "\n";

/** Returns the page without the spaces and newlines around it: the server chooses how many of them fill it up to 1 KiB. */
export const htmlfilePrelude = (callback) => `<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.${callback};
    c.start();
    function p(d) {c.message(d);};
    window.onload = function() {c.stop();};
  </script>`;
