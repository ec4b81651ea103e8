"""The pages of labs: applying, members, stations, keys, affiliations, notices. Thin: access, form, domain, page."""
