-- People, their accounts on platforms, and authorisations under way.
SELECT 1;
