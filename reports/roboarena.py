"""The report endpoint of the RoboArena website: where no report is published it says so in the website's own words."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe


@require_safe
def policy_analysis(request: HttpRequest) -> JsonResponse:
    answer = JsonResponse({"error": "analysis report not available"}, status=404)
    answer["Access-Control-Allow-Origin"] = "*"
    return answer
