"""What a participant of ours wants of others: data found, terms read and asked for, files that came, links to them."""
