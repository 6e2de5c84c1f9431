"""Making and moving an appointment at a clinic."""

from config.sample.sentences import Topic

TOPIC = Topic(
    name="병원 예약",
    slots={
        "department/symptom": (
            "치과/이가 시려서",
            "안과/눈이 따가워서",
            "내과/열이 나서",
            "피부과/팔이 가려워서",
            "정형외과/무릎이 아파서",
        ),
        "paper": ("신분증", "처방전", "보험증", "검사 결과지"),
    },
    scenes=(
        """
        B? 네, 한빛병원입니다. 무엇을 도와드릴까요?
        A 안녕하세요, {department} 진료를 예약하고 싶어요.
        / 여보세요, {department} 예약 좀 하려고 전화드렸어요.
        B 네, 어디가 불편하신가요?
        / 어떤 증상이 있으신지 말씀해 주시겠어요?
        A {symptom} 며칠째 잠을 설쳤어요{cry}.
        / 요즘 {symptom} 일에 집중을 못 하겠어요{cry}.
        B {day} {time}에 빈자리가 있는데 괜찮으세요?
        / 제일 빠른 시간은 {day} {time:이에요}. 어떠세요?
        A 그날은 {excuse} 못 갈 것 같아요.
        / 어쩌죠, 그때는 {excuse} 안 돼요.
        B 그럼 {day2}에 오실 수 있나요?
        / 다음 자리는 {day2:이에요}. 그때는 되세요?
        A 네, 그날로 할게요.
        / 좋아요, 그날 뵐게요.
        B? 연락처를 남겨 주시겠어요?
        A? #PhoneNumber#이고, 생년월일은 #DateOfBirth#입니다.
        / #PhoneNumber#로 문자 주세요.
        B 예약되었습니다. 늦지 않게 와 주세요.
        / 네, 그럼 그날 기다리겠습니다.
        A? 주차할 곳은 있나요?
        B? 네, 건물 뒤에 주차장이 있어요.
        A? 고맙습니다. 그때 봬요.
        = {A:은} {symptom} {department} 진료를 예약한다.
        = {day}에는 {excuse} 갈 수 없어 {day2}에 가기로 한다.
        """,
        """
        A 안녕하세요, {day} {department} 예약을 바꾸고 싶어요.
        / {day}에 {department} 예약한 사람인데요, 날짜를 옮길 수 있을까요?
        B 성함이 어떻게 되세요?
        / 예약하신 분 성함을 알려 주세요.
        A {name:이고}, 전화번호는 #PhoneNumber#입니다.
        / {name} 이름으로 되어 있을 거예요. 생년월일은 #DateOfBirth#예요.
        B 네, 확인했습니다. 무슨 일 있으세요?
        / 네, 예약이 보이네요. 왜 바꾸려고 하세요?
        A 갑자기 {excuse} 갈 수가 없게 됐어요{cry}.
        / {excuse} 시간을 못 맞추겠어요{cry}.
        B? 아, 그러셨군요. 잠시만 기다려 주세요.
        B {day2} {time:은} 비어 있습니다.
        / {day2}에 오시면 바로 진료받으실 수 있어요.
        A 그럼 {day2:으로} 바꿔 주세요.
        B 처음 오시는 거면 {paper:을} 꼭 가져오세요.
        / 오실 때 {paper:을} 챙겨 주세요.
        A 네, 알겠습니다. 감사합니다.
        = {A:은} {excuse} {department} 예약을 {day}에서 {day2:으로} 옮긴다.
        = {B:은} {A}에게 {paper:을} 가져오라고 한다.
        """,
    ),
)
