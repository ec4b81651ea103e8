"""The rows of test_access_matrix.py: method, address, then visitor, Dana, Bob, Alice, Charlie, Eve."""

TABLE = """
GET    /                                                          200 200 200 200 200 200

GET    /account                                                    in 200 200 200 200 200
GET    /account/email                                              in 200 200 200 200 200
POST   /account/email                                              in  ->  ->  ->  ->  ->
GET    /account/email/confirm/nokey                               200 200 200 200 200 200
POST   /account/email/confirm/nokey                               404 404 404 404 404 404
GET    /account/email/sent                                        200 200 200 200 200 200
GET    /account/history                                            in 200 200 200 200 200
GET    /account/keys                                               in 200 200 200 200 200
POST   /account/keys                                               in 200 200 200 200 200
POST   /account/keys/{key}/revoke                                  in  -> 404 404 404 404
GET    /account/notices                                            in 200 200 200 200 200
POST   /account/notices                                            in  ->  ->  ->  ->  ->
GET    /account/password                                           in  ->  ->  ->  ->  ->
POST   /account/password                                           in  ->  ->  ->  ->  ->
GET    /account/password/reset                                    200 200 200 200 200 200
POST   /account/password/reset                                    200 200 200 200 200 200
GET    /account/password/reset/1-nokey                            200 200 200 200 200 200
POST   /account/password/reset/1-nokey                            200 200 200 200 200 200
GET    /account/password/reset/done                               200 200 200 200 200 200
GET    /account/password/reset/sent                               200 200 200 200 200 200
GET    /account/password/set                                       in 200 200 200 200 200
POST   /account/password/set                                       in 200 200 200 200 200
GET    /account/reauthenticate                                     in 403 403 403 403 403
POST   /account/reauthenticate                                     in 403 403 403 403 403
GET    /account/second-factor                                      in 200 200 200 200 200
GET    /account/second-factor/app                                  in 200 200 200 200 200
POST   /account/second-factor/app                                  in 200 200 200 200 200
GET    /account/second-factor/app/remove                           in 404 404 404 404 404
POST   /account/second-factor/app/remove                           in 404 404 404 404 404
GET    /account/second-factor/reauthenticate                       in 403 403 403 403 403
POST   /account/second-factor/reauthenticate                       in 403 403 403 403 403
GET    /account/second-factor/recovery-codes                       in 404 404 404 404 404
GET    /account/second-factor/recovery-codes.txt                   in 404 404 404 404 404
POST   /account/second-factor/recovery-codes.txt                   in 404 404 404 404 404
GET    /account/second-factor/recovery-codes/new                   in 200 200 200 200 200
POST   /account/second-factor/recovery-codes/new                   in 200 200 200 200 200
GET    /account/second-factor/sign-in                              in  ->  ->  ->  ->  ->
POST   /account/second-factor/sign-in                              in  ->  ->  ->  ->  ->
GET    /account/sign-ins                                           in 200 200 200 200 200
POST   /account/sign-ins                                           in 200 200 200 200 200
GET    /account/sign-ins/cancelled                                200 200 200 200 200 200
GET    /account/sign-ins/failed                                   401 401 401 401 401 401
GET    /account/sign-ins/github                                   404 404 404 404 404 404
POST   /account/sign-ins/github                                   404 404 404 404 404 404
GET    /account/sign-ins/github/callback                          404 404 404 404 404 404
POST   /account/sign-ins/github/callback                          404 404 404 404 404 404
GET    /account/sign-ins/google                                   404 404 404 404 404 404
POST   /account/sign-ins/google                                   404 404 404 404 404 404
GET    /account/sign-ins/google/callback                          404 404 404 404 404 404
POST   /account/sign-ins/google/callback                          404 404 404 404 404 404
GET    /account/sign-ins/sign-up                                   in  in  in  in  in  in
POST   /account/sign-ins/sign-up                                   in  in  in  in  in  in
GET    /account/switched-off                                      200 200 200 200 200 200

GET    /api/docs                                                  200 200 200 200 200 200
GET    /api/leaderboard                                           200 200 200 200 200 200
GET    /api/list_ab_evaluations                                   200 200 200 200 200 200
GET    /api/openapi.json                                          200 200 200 200 200 200
GET    /api/policy_analysis.json                                  200 200 200 200 200 200

GET    /api/v1/applications                                       401 200 200 200 200 200
POST   /api/v1/applications                                       401 400 400 400 400 400
GET    /api/v1/applications/{application}                         401 404 404 404 404 200
POST   /api/v1/applications/{application}/approve                 401 403 403 403 403 200
POST   /api/v1/applications/{application}/decline                 401 403 403 403 403 400

GET    /api/v1/exports                                            200 200 200 200 200 200

DELETE /api/v1/client-keys/{code}                                 401 204 404 204 404 404

GET    /api/v1/labs/{lab}                                         200 200 200 200 200 200
GET    /api/v1/labs/{lab}/affiliations                            401 200 200 200 404 404
POST   /api/v1/labs/{lab}/affiliations                            401 403 403 400 404 400
GET    /api/v1/labs/{lab}/client-keys                             401 200 200 200 404 404
POST   /api/v1/labs/{lab}/client-keys                             401 400 400 400 404 404
GET    /api/v1/labs/{lab}/credits                                 401 200 200 200 404 200
GET    /api/v1/labs/{lab}/credits/entries                         401 200 200 200 404 200
GET    /api/v1/labs/{lab}/invitations                             401 403 403 200 404 404
POST   /api/v1/labs/{lab}/invitations                             401 403 403 400 404 404
DELETE /api/v1/labs/{lab}/invitations/{invitation}                401 403 403 204 404 404
POST   /api/v1/labs/{lab}/invitations/{invitation}/resend         401 403 403 200 404 404
GET    /api/v1/labs/{lab}/members                                 401 200 200 200 404 404
PATCH  /api/v1/labs/{lab}/members/{member}                        401 403 403 400 404 404
DELETE /api/v1/labs/{lab}/members/{member}                        401 403 204 204 404 404
GET    /api/v1/labs/{lab}/stations                                401 200 200 200 404 404
POST   /api/v1/labs/{lab}/stations                                401 403 403 400 404 404

GET    /api/v1/me                                                 401 200 200 200 200 200
GET    /api/v1/me/keys                                            401 200 200 200 200 200
POST   /api/v1/me/keys                                            401 400 400 400 400 400
DELETE /api/v1/me/keys/{key}                                      401 204 404 404 404 404
GET    /api/v1/me/notices                                         401 200 200 200 200 200
PATCH  /api/v1/me/notices                                         401 400 400 400 400 400

GET    /api/v1/policies                                           401 200 200 200 200 200
POST   /api/v1/policies                                           401 400 400 400 400 400
GET    /api/v1/policies/{own}                                     401 200 200 200 404 404
GET    /api/v1/policies/{own}/results                             401 200 200 200 404 404
GET    /api/v1/policies/{own}/stakes                              401 403 200 200 404 200
POST   /api/v1/policies/{own}/stakes                              401 403 400 400 404 400
POST   /api/v1/policies/{own}/stakes/1/end                        401 403 403 403 403 404
GET    /api/v1/policies/{own}/trajectories/1                      401 404 404 404 404 404
POST   /api/v1/policies/{own}/versions                            401 403 400 400 404 404

GET    /api/v1/public/boards                                      200 200 200 200 200 200
GET    /api/v1/public/boards/overall/history                      200 200 200 200 200 200
GET    /api/v1/public/compare/{policy}/{other}                    200 200 200 200 200 200
GET    /api/v1/public/integrity                                   200 200 200 200 200 200
GET    /api/v1/public/leaderboard                                 200 200 200 200 200 200
GET    /api/v1/public/method                                      200 200 200 200 200 200
GET    /api/v1/public/sessions                                    200 200 200 200 200 200
GET    /api/v1/public/sessions/{open}                             404 404 404 404 404 404
GET    /api/v1/public/sessions/{ended}                            200 200 200 200 200 200
GET    /api/v1/public/tags                                         200 200 200 200 200 200
GET    /api/v1/public/snapshots/{snapshot}                        200 200 200 200 200 200

GET    /api/v1/reports/{reported}                                 200 200 200 200 200 200

GET    /api/v1/requests                                           401 200 200 200 200 200
POST   /api/v1/requests                                           401 400 400 400 400 400
POST   /api/v1/requests/forecast                                  401 400 400 400 400 400
GET    /api/v1/requests/{request}                                 401 200 200 200 404 404
POST   /api/v1/requests/{request}/pause                           401 403 200 200 404 404
POST   /api/v1/requests/{request}/resume                          401 403 200 200 404 404
POST   /api/v1/requests/{request}/cancel                          401 403 200 200 404 404

GET    /api/v1/rubric                                             401 400 400 400 400 400

GET    /api/v1/sessions                                           401 200 200 200 200 200
POST   /api/v1/sessions                                           401 400 400 400 400 400
GET    /api/v1/sessions/{open}                                    401 200 404 404 404 404
GET    /api/v1/sessions/{ended}                                   401 200 404 404 404 404
POST   /api/v1/sessions/{open}/abandon                            401 400 404 404 404 404
POST   /api/v1/sessions/{ended}/abandon                           401 400 404 404 404 404
PATCH  /api/v1/sessions/{open}/draft                              401 400 404 404 404 404
PATCH  /api/v1/sessions/{ended}/draft                             401 400 404 404 404 404
POST   /api/v1/sessions/{open}/episodes/A                         401 400 404 404 404 404
POST   /api/v1/sessions/{ended}/episodes/A                        401 400 404 404 404 404
POST   /api/v1/sessions/{open}/extend                             401 200 404 404 404 404
POST   /api/v1/sessions/{ended}/extend                            401 200 404 404 404 404
GET    /api/v1/sessions/{open}/guess                              401 200 404 404 404 404
POST   /api/v1/sessions/{open}/guess                              401 409 404 404 404 404
GET    /api/v1/sessions/{ended}/guess                             401 200 404 404 404 404
POST   /api/v1/sessions/{ended}/guess                             401 200 404 404 404 404
GET    /api/v1/sessions/{open}/tags                                404 404 404 404 404 404
POST   /api/v1/sessions/{open}/tags                                401 404 404 404 404 404
GET    /api/v1/sessions/{ended}/tags                               200 200 200 200 200 200
POST   /api/v1/sessions/{ended}/tags                               401 400 400 400 403 400
GET    /api/v1/sessions/{open}/live                               401 200 404 404 404 404
GET    /api/v1/sessions/{ended}/live                              401 200 404 404 404 404
DELETE /api/v1/sessions/{open}/media/{media}                      401 204 404 404 404 404
DELETE /api/v1/sessions/{ended}/media/{media}                     401 404 404 404 404 404
POST   /api/v1/sessions/{open}/photos                             401 415 404 404 404 404
POST   /api/v1/sessions/{ended}/photos                            401 415 404 404 404 404
POST   /api/v1/sessions/{open}/submit                             401 400 404 404 404 404
POST   /api/v1/sessions/{ended}/submit                            401 200 404 404 404 404

GET    /api/v1/stations/{station}                                 401 200 200 200 404 404
PATCH  /api/v1/stations/{station}                                 401 403 403 200 404 404
POST   /api/v1/stations/{station}/retire                          401 403 403 200 404 404
GET    /api/v1/stations/{station}/tasks                           401 200 200 200 404 404

GET    /api/v1/trials                                             401 200 200 200 200 200
GET    /api/v1/trials/{trial}                                     401 200 200 200 404 404
POST   /api/v1/trials/{trial}/decide                              401 400 400 400 404 404
POST   /api/v1/trials/{trial}/sessions                            401 400 400 400 404 404
POST   /api/v1/trials/{trial}/withdraw                            401 403 200 200 404 404

GET    /api/v1/uploads                                            401 200 200 200 200 200
POST   /api/v1/uploads                                            401 400 400 400 400 400
GET    /api/v1/uploads/{upload}                                   401 200 404 404 404 404
PATCH  /api/v1/uploads/{upload}                                   401 415 404 404 404 404
DELETE /api/v1/uploads/{upload}                                   401 204 404 404 404 404

GET    /api/v1/versions/{version}                                 401 200 200 200 404 404
POST   /api/v1/versions/{version}/address                         401 403 400 400 404 404
GET    /api/v1/versions/{version}/checks                          401 200 200 200 404 404
POST   /api/v1/versions/{version}/checks                          401 403 201 201 404 404
GET    /api/v1/versions/{version}/checks/{check}                  401 200 200 200 404 404
POST   /api/v1/versions/{version}/list                             401 403 200 200 404 404
POST   /api/v1/versions/{version}/pause                           401 403 200 200 404 404
GET    /api/v1/versions/{reported_on}/reports                     200 200 200 200 200 200
POST   /api/v1/versions/{reported_on}/reports                     401 403 403 403 409 409
POST   /api/v1/versions/{version}/resume                          401 403 200 200 404 404
POST   /api/v1/versions/{version}/retire                          401 403 200 200 404 404
POST   /api/v1/versions/{version}/trials                          401 403 400 400 404 404
POST   /api/v1/versions/{version}/waive                           401 403 403 403 403 400

GET    /api/v1/vocabulary                                         200 200 200 200 200 200

GET    /evaluate                                                   in 200 200 200 200 200
POST   /evaluate                                                   in 400 400 400 400 400
GET    /evaluate/{open}                                            in 200 404 404 404 404
GET    /evaluate/{ended}                                           in 200 404 404 404 404
GET    /evaluate/{open}/abandon                                    in 200 404 404 404 404
POST   /evaluate/{open}/abandon                                    in 400 404 404 404 404
GET    /evaluate/{ended}/abandon                                   in  -> 404 404 404 404
POST   /evaluate/{ended}/abandon                                   in  -> 404 404 404 404
POST   /evaluate/{open}/extend                                     in  -> 404 404 404 404
POST   /evaluate/{ended}/extend                                    in  -> 404 404 404 404
POST   /evaluate/{open}/guess                                      in  -> 404 404 404 404
POST   /evaluate/{ended}/guess                                     in  -> 404 404 404 404
POST   /evaluate/{open}/submit                                     in 400 404 404 404 404
POST   /evaluate/{ended}/submit                                    in  -> 404 404 404 404
GET    /evaluate/rubric                                            in 200 200 200 200 200

GET    /get_policies_to_compare                                   400 400 400 400 400 400
POST   /get_policies_to_compare                                   400 400 400 400 400 400

GET    /healthz                                                   200 200 200 200 200 200

POST   /invitations/{invitation}/accept                            in 404 404 404 404 404
GET    /invitations/{link}                                        200 200 200 200 200 200
POST   /invitations/{link}                                        200 403 403 403 403 403

GET    /join                                                      200 200 200 200 200 200
POST   /join                                                      200 200 200 200 200 200
GET    /join/terms                                                200 200 200 200 200 200

GET    /lab                                                        in 200 200 200 200 200
GET    /credits                                                    in  ->  ->  ->  -> 200
GET    /lab/{lab}/credits                                          in 200 200 200 404 200
GET    /lab/{lab}/credits.csv                                      in 200 200 200 404 200
POST   /lab/{lab}/credits/grant                                    in 403 403 403 403 400
GET    /lab/{lab}/events                                           in 200 200 200 404 404
GET    /lab/{lab}/affiliations                                     in 403 403 200 404 200
POST   /lab/{lab}/affiliations                                     in 403 403 200 404 200
POST   /lab/{lab}/affiliations/{affiliation}/end                   in 403 403 403 403  ->
POST   /lab/{lab}/invitations/{invitation}/resend                  in 403 403  -> 404 404
POST   /lab/{lab}/invitations/{invitation}/revoke                  in 403 403  -> 404 404
GET    /lab/{lab}/keys                                             in 200 200 200 404 404
POST   /lab/{lab}/keys                                             in 200 200 200 404 404
POST   /lab/{lab}/keys/{code}/revoke                               in  -> 404  -> 404 404
GET    /lab/{lab}/members                                          in 200 200 200 404 404
POST   /lab/{lab}/members                                          in 403 403 400 404 404
GET    /lab/{lab}/members/{member}/remove                          in 403 200 200 404 404
POST   /lab/{lab}/members/{member}/remove                          in 403  ->  -> 404 404
POST   /lab/{lab}/members/{member}/role                            in 403 403  -> 404 404
GET    /lab/{lab}/stations                                         in 200 200 200 404 404
GET    /lab/{lab}/stations/{station}                               in 403 403 200 404 404
POST   /lab/{lab}/stations/{station}                               in 403 403 200 404 404
GET    /lab/{lab}/stations/{station}/retire                        in 403 403 200 404 404
POST   /lab/{lab}/stations/{station}/retire                        in 403 403  -> 404 404
GET    /lab/{lab}/stations/new                                     in 403 403 200 404 404
POST   /lab/{lab}/stations/new                                     in 403 403 200 404 404

GET    /compare/{policy}/{other}                                  200 200 200 200 200 200
GET    /compare/{policy}/{other}/report                           200 200 200 200 200 200
GET    /compare/{policy}/{other}/report.json                      404 404 404 404 404 404
GET    /compare/{policy}/{other}/report.md                        404 404 404 404 404 404
POST   /compare/{policy}/{other}/report/ask                        in 403 403 403  ->  ->
GET    /compare/{policy}/{other}/sessions.csv                     200 200 200 200 200 200
GET    /data                                                      200 200 200 200 200 200
GET    /data/{day}/versions.csv.gz                                200 200 200 200 200 200
GET    /integrity                                                 200 200 200 200 200 200
GET    /integrity/completion.csv                                  200 200 200 200 200 200
GET    /integrity/concentration.csv                               200 200 200 200 200 200
GET    /method                                                    200 200 200 200 200 200

GET    /notices/off/{off}                                         200 200 200 200 200 200
POST   /notices/off/{off}                                         200 200 200 200 200 200

GET    /policies/new                                               in 403 200 200 200 403
POST   /policies/new                                               in 403 400 400 400 403
GET    /policies/{own}/manage                                      in 200 200 200 404 404
GET    /policies/{own}/versions/new                                in 403 200 200 404 404
POST   /policies/{own}/versions/new                                in 403 400 400 404 404
GET    /policies/{own}/stakes                                      in 403 200 200 404 200
POST   /policies/{own}/stakes                                      in 403 400 400 404 400
POST   /policies/{own}/stakes/1/end                                in 403 403 403 403 404
GET    /policies/{own}/results.csv                                 in 200 200 200 404 404
GET    /policies/{own}/results.json                                in 200 200 200 404 404
GET    /policies/{own}/trajectories/1.npz                          in 404 404 404 404 404

GET    /requests                                                   in 200 200 200 200 200
GET    /requests/new/{version}                                     in 403 200 200 404 404
POST   /requests/new/{version}                                     in 403 400 400 404 404
GET    /requests/{request}                                         in 200 200 200 404 404
POST   /requests/{request}/pause                                   in 403  ->  -> 404 404
POST   /requests/{request}/resume                                  in 403  ->  -> 404 404
POST   /requests/{request}/cancel                                  in 403  ->  -> 404 404

GET    /review/trials                                              in 403 403 403 403 200
GET    /review/applications                                        in 403 403 403 403 200
GET    /review/events                                              in 403 403 403 403 200
GET    /review/oddities                                           in 403 403 403 403 200
POST   /review/oddities/{oddity}/look                             in 403 403 403 403 400
GET    /review/oddities/{oddity}/sessions                         in 403 403 403 403 200
GET    /review/applications/{application}                          in 403 403 403 403 200
POST   /review/applications/{application}/decide                   in 403 403 403 403 400
GET    /review                                                     in 403 403 403 403 200
GET    /review/appeals                                             in 403 403 403 403 200
GET    /review/appeals/{appeal}                                    in 403 403 403 403 200
POST   /review/appeals/{appeal}/decide                             in 403 403 403 403 400
GET    /review/boards                                              in 403 403 403 403 200
POST   /review/boards/freeze                                       in 403 403 403 403 400
POST   /review/boards/{freeze}/publish                             in 403 403 403 403 400
GET    /review/reports                                             in 403 403 403 403 200
GET    /review/reports/{report}                                    in 403 403 403 403 200
POST   /review/reports/{report}/decide                             in 403 403 403 403 400
GET    /review/work                                                in 403 403 403 403 200
POST   /review/work/{work}/retry                                   in 403 403 403 403  ->
POST   /review/work/{work}/skip                                    in 403 403 403 403 400

GET    /sessions                                                  200 200 200 200 200 200
GET    /sessions/{open}                                           404 200 404 404 404 404
GET    /sessions/{ended}                                          200 200 200 200 200 200
GET    /sessions/{open}/appeal                                     in 404 404 404 404 404
POST   /sessions/{open}/appeal                                     in 404 404 404 404 404
GET    /sessions/{ended}/appeal                                    in 404 404 404 404 404
POST   /sessions/{ended}/appeal                                    in 404 404 404 404 404
GET    /sessions/{excluded}/appeal                                 in 200 200 200 200 404
POST   /sessions/{excluded}/appeal                                 in 400 400 400 400 404
GET    /sessions/{open}/report                                    404 404 404 404 404 404
POST   /sessions/{open}/report                                    404 404 404 404 404 404
GET    /sessions/{ended}/report                                   200 200 200 200 200 200
POST   /sessions/{ended}/report                                   400 400 400 400 400 400
POST   /sessions/{open}/tags                                       in 404 404 404 404 404
POST   /sessions/{ended}/tags                                      in 400 400 400 403 400
GET    /sessions/{open}/A/wrist.jpg                               404 404 404 404 404 404
GET    /sessions/{ended}/A/left.jpg                               404 404 404 404 404 404
GET    /sessions/{open}/A/wrist/sheet.jpg                         404 404 404 404 404 404
GET    /sessions/{ended}/A/left/sheet.jpg                         404 404 404 404 404 404
GET    /sessions/{open}/A/wrist.mp4                               404 404 404 404 404 404
GET    /sessions/{ended}/A/left.mp4                               200 200 200 200 200 200
GET    /sessions/{open}/photos/{photo}.jpg                        404 200 404 404 404 404
GET    /sessions/{open}/cited                                     404 404 404 404 404 404
GET    /sessions/{ended}/cited                                    200 200 200 200 200 200
GET    /sessions/{ended}/photos/{photo}.jpg                       404 404 404 404 404 404

GET    /sign-in                                                   200  ->  ->  ->  ->  ->
POST   /sign-in                                                   200  ->  ->  ->  ->  ->

POST   /sign-out                                                   ->  ->  ->  ->  ->  ->

GET    /sign-up                                                   200  ->  ->  ->  ->  ->
POST   /sign-up                                                   200  ->  ->  ->  ->  ->

GET    /snapshots/{snapshot}/export.zip                           200 200 200 200 200 200
GET    /snapshots/{snapshot}/input.csv                            200 200 200 200 200 200
GET    /snapshots/{snapshot}/rows.csv                             200 200 200 200 200 200

GET    /stations                                                  200 200 200 200 200 200

GET    /tags                                                      200 200 200 200 200 200
GET    /tags/agreement.csv                                        200 200 200 200 200 200
GET    /status                                                    200 200 200 200 200 200

POST   /terminate_session                                         400 400 400 400 400 400

GET    /trials/{trial}                                             in 200 200 200 404 404
POST   /trials/{trial}/start                                       in 400 400 400 404 404
POST   /trials/{trial}/decide                                      in 400 400 400 404 404
POST   /trials/{trial}/withdraw                                    in 403  ->  -> 404 404

POST   /upload_eval_data                                          400 400 400 400 400 400

POST   /validate_evaluator_access                                 400 400 400 400 400 400

POST   /version_check                                             400 400 400 400 400 400

GET    /versions/{version}/address                                 in 403 200 200 404 404
POST   /versions/{version}/address                                 in 403 400 400 404 404
POST   /versions/{version}/check                                   in 403  ->  -> 404 404
POST   /versions/{version}/list                                    in 403  ->  -> 404 404
POST   /versions/{version}/pool                                    in 403 400 400 404 404
GET    /versions/{reported_on}/report                             200 200 200 200 200 200
GET    /versions/{reported_on}/report.json                        200 200 200 200 200 200
GET    /versions/{reported_on}/report.md                          200 200 200 200 200 200
POST   /versions/{reported_on}/report/ask                          in 403 403 403  ->  ->
POST   /versions/{version}/trial                                   in 403 400 400 404 404
POST   /versions/{version}/waive                                   in 403 403 403 403 400
"""
