"""What all pages share: layout, parts, own style, and the pages that belong to no participant."""
