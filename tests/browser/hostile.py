"""A text that would run and load something if a page took it for markup."""

HOSTILE = "</script><script>window.hit = 1</script><img src=http://127.0.0.1:9/x onerror='window.hit = 2'>"
