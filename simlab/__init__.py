"""A simulated partner lab: real physics, real policies behind real policy servers. It knows only public interfaces."""
