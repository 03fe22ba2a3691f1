-- New users: the persons and the sellers of each window; not their join.
:create q8_persons :as
SELECT id, name, count(*) AS num, window_start, window_end
FROM person, tumble(date_time, '10 s')
GROUP BY id, name, window_start, window_end;

:create q8_sellers :as
SELECT seller, count(*) AS num, window_start, window_end
FROM auction, tumble(date_time, '10 s')
GROUP BY seller, window_start, window_end;
