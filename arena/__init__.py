"""The project and its registry: labs, people, stations, policies, versions, endpoints, keys, audit events."""
