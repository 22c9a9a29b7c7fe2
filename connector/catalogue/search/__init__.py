"""What a requester finds: filters, pages and their cursors."""
