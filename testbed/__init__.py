"""The namespace testbed shared by tests, demo and bench. Python 3.11 and its standard library only; needs root.

    client ns ──access veths── links ns (one tributary-link each) ── proxy ns ──server veth── server ns

`topology.Testbed` builds it, `tributaryd`, `haproxy` and `nginx` put programs into it, `transfer` and `convert_client` use it.
"""
