"""What the survey page says, in each language it speaks. One more language is one more entry of WORDS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

USUAL = "en"
Unit = tuple[str, str]  # one, several


@dataclass(frozen=True, slots=True)
class Words:
    """All sentences of one language. `{span}` is a time such as `1 hour`, `{most}` a number of characters."""

    title: str
    question: str
    ratings: tuple[str, str, str, str, str]  # 5 to 1
    feedback: str
    editable: str
    send: str
    problem: str  # stands before the title while something is wrong
    no_rating: str
    too_long: str
    again: str  # the form was open too long, or a program sent it
    thanks: str
    recorded: str
    expired: str
    expired_why: str
    gone: str
    gone_why: str
    busy: str
    busy_why: str
    units: tuple[Unit, Unit, Unit]  # minutes, hours, days


WORDS: Mapping[str, Words] = {
    "en": Words(
        title="How did we do?",
        question="How satisfied are you with the help you received?",
        ratings=("Very satisfied", "Satisfied", "Neither satisfied nor dissatisfied", "Dissatisfied",
                 "Very dissatisfied"),
        feedback="Would you like to tell us more? (optional)",
        editable="After sending, you can change your answer for {span}: open the link again.",
        send="Send",
        problem="Please check your answer",
        no_rating="Please choose one of the five answers.",
        too_long="Please keep your comment below {most} characters.",
        again="Please send your answer once more: this page had been open for a long time.",
        thanks="Thank you",
        recorded="Your answer has been recorded. You can change it for {span} after your first answer: open the link "
                 "again.",
        expired="This link has expired",
        expired_why="We would still like to hear from you: simply reply to our last message.",
        gone="This link is not valid",
        gone_why="Perhaps a part of it is missing. If you would like to tell us something, please reply to our last "
                 "message.",
        busy="Please try again",
        busy_why="We could not save your answer just now. Please go back and send it again in a few seconds.",
        units=(("minute", "minutes"), ("hour", "hours"), ("day", "days")),
    ),
    "de": Words(
        title="Wie war unsere Hilfe?",
        question="Wie zufrieden sind Sie mit der Hilfe, die Sie bekommen haben?",
        ratings=("Sehr zufrieden", "Zufrieden", "Weder zufrieden noch unzufrieden", "Unzufrieden",
                 "Sehr unzufrieden"),
        feedback="Möchten Sie uns mehr dazu sagen? (freiwillig)",
        editable="Nach dem Absenden können Sie Ihre Antwort noch {span} lang ändern: Öffnen Sie den Link noch einmal.",
        send="Absenden",
        problem="Bitte prüfen Sie Ihre Antwort",
        no_rating="Bitte wählen Sie eine der fünf Antworten.",
        too_long="Bitte schreiben Sie höchstens {most} Zeichen.",
        again="Bitte senden Sie Ihre Antwort noch einmal ab: Diese Seite war lange geöffnet.",
        thanks="Vielen Dank",
        recorded="Ihre Antwort ist gespeichert. Sie können sie nach der ersten Antwort noch {span} lang ändern: Öffnen "
                 "Sie den Link noch einmal.",
        expired="Dieser Link ist abgelaufen",
        expired_why="Ihre Meinung interessiert uns weiterhin: Antworten Sie einfach auf unsere letzte Nachricht.",
        gone="Dieser Link ist nicht gültig",
        gone_why="Vielleicht fehlt ein Stück davon. Wenn Sie uns etwas sagen möchten, antworten Sie bitte auf unsere "
                 "letzte Nachricht.",
        busy="Bitte versuchen Sie es noch einmal",
        busy_why="Wir konnten Ihre Antwort gerade nicht speichern. Bitte gehen Sie zurück und senden Sie sie in "
                 "einigen Sekunden noch einmal ab.",
        units=(("Minute", "Minuten"), ("Stunde", "Stunden"), ("Tag", "Tage")),
    ),
    "fr": Words(
        title="Comment avons-nous fait ?",
        question="Êtes-vous satisfait de l’aide que vous avez reçue ?",
        ratings=("Très satisfait", "Satisfait", "Ni satisfait ni insatisfait", "Insatisfait", "Très insatisfait"),
        feedback="Souhaitez-vous nous en dire plus ? (facultatif)",
        editable="Après l’envoi, vous pouvez modifier votre réponse pendant {span} : ouvrez de nouveau le lien.",
        send="Envoyer",
        problem="Veuillez vérifier votre réponse",
        no_rating="Veuillez choisir une des cinq réponses.",
        too_long="Votre commentaire ne doit pas dépasser {most} caractères.",
        again="Veuillez envoyer votre réponse encore une fois : cette page était ouverte depuis longtemps.",
        thanks="Merci",
        recorded="Votre réponse est enregistrée. Vous pouvez la modifier pendant {span} après votre première réponse : "
                 "ouvrez de nouveau le lien.",
        expired="Ce lien a expiré",
        expired_why="Votre avis nous intéresse toujours : répondez simplement à notre dernier message.",
        gone="Ce lien n’est pas valide",
        gone_why="Il en manque peut-être une partie. Si vous souhaitez nous dire quelque chose, répondez à notre "
                 "dernier message.",
        busy="Veuillez réessayer",
        busy_why="Nous n’avons pas pu enregistrer votre réponse. Revenez en arrière et envoyez-la de nouveau dans "
                 "quelques secondes.",
        units=(("minute", "minutes"), ("heure", "heures"), ("jour", "jours")),
    ),
    "es": Words(
        title="¿Cómo lo hicimos?",
        question="¿Qué tan satisfecho está con la ayuda que recibió?",
        ratings=("Muy satisfecho", "Satisfecho", "Ni satisfecho ni insatisfecho", "Insatisfecho", "Muy insatisfecho"),
        feedback="¿Quiere contarnos algo más? (opcional)",
        editable="Después de enviarla, puede cambiar su respuesta durante {span}: abra el enlace de nuevo.",
        send="Enviar",
        problem="Revise su respuesta",
        no_rating="Elija una de las cinco respuestas.",
        too_long="Su comentario no debe superar los {most} caracteres.",
        again="Envíe su respuesta una vez más: esta página estuvo abierta mucho tiempo.",
        thanks="Gracias",
        recorded="Su respuesta se ha guardado. Puede cambiarla durante {span} después de la primera respuesta: abra el "
                 "enlace de nuevo.",
        expired="Este enlace ha caducado",
        expired_why="Su opinión nos sigue interesando: simplemente responda a nuestro último mensaje.",
        gone="Este enlace no es válido",
        gone_why="Quizá falte una parte. Si quiere decirnos algo, responda a nuestro último mensaje.",
        busy="Inténtelo de nuevo",
        busy_why="No pudimos guardar su respuesta. Vuelva atrás y envíela de nuevo dentro de unos segundos.",
        units=(("minuto", "minutos"), ("hora", "horas"), ("día", "días")),
    ),
    "pt": Words(
        title="Como nos saímos?",
        question="Qual é o seu grau de satisfação com a ajuda que recebeu?",
        ratings=("Muito satisfeito", "Satisfeito", "Nem satisfeito nem insatisfeito", "Insatisfeito",
                 "Muito insatisfeito"),
        feedback="Quer dizer-nos mais alguma coisa? (opcional)",
        editable="Depois de enviar, pode alterar a sua resposta durante {span}: abra a ligação novamente.",
        send="Enviar",
        problem="Verifique a sua resposta",
        no_rating="Escolha uma das cinco respostas.",
        too_long="O seu comentário não deve ultrapassar {most} caracteres.",
        again="Envie a sua resposta mais uma vez: esta página esteve aberta durante muito tempo.",
        thanks="Obrigado",
        recorded="A sua resposta foi guardada. Pode alterá-la durante {span} depois da primeira resposta: abra a "
                 "ligação novamente.",
        expired="Esta ligação expirou",
        expired_why="A sua opinião continua a interessar-nos: basta responder à nossa última mensagem.",
        gone="Esta ligação não é válida",
        gone_why="Talvez falte uma parte. Se nos quiser dizer alguma coisa, responda à nossa última mensagem.",
        busy="Tente novamente",
        busy_why="Não foi possível guardar a sua resposta. Volte atrás e envie-a de novo dentro de alguns segundos.",
        units=(("minuto", "minutos"), ("hora", "horas"), ("dia", "dias")),
    ),
    "it": Words(
        title="Come siamo andati?",
        question="Quanto è soddisfatto dell’aiuto ricevuto?",
        ratings=("Molto soddisfatto", "Soddisfatto", "Né soddisfatto né insoddisfatto", "Insoddisfatto",
                 "Molto insoddisfatto"),
        feedback="Vuole dirci qualcosa in più? (facoltativo)",
        editable="Dopo l’invio può modificare la risposta per {span}: apra di nuovo il link.",
        send="Invia",
        problem="Controlli la risposta",
        no_rating="Scelga una delle cinque risposte.",
        too_long="Il commento non deve superare {most} caratteri.",
        again="Invii la risposta ancora una volta: questa pagina è rimasta aperta a lungo.",
        thanks="Grazie",
        recorded="La sua risposta è stata registrata. Può modificarla per {span} dopo la prima risposta: apra di nuovo "
                 "il link.",
        expired="Questo link è scaduto",
        expired_why="La sua opinione ci interessa ancora: risponda semplicemente al nostro ultimo messaggio.",
        gone="Questo link non è valido",
        gone_why="Forse ne manca una parte. Se vuole dirci qualcosa, risponda al nostro ultimo messaggio.",
        busy="Riprovi",
        busy_why="Non siamo riusciti a salvare la risposta. Torni indietro e la invii di nuovo tra qualche secondo.",
        units=(("minuto", "minuti"), ("ora", "ore"), ("giorno", "giorni")),
    ),
    "nl": Words(
        title="Hoe hebben we het gedaan?",
        question="Hoe tevreden bent u over de hulp die u kreeg?",
        ratings=("Zeer tevreden", "Tevreden", "Niet tevreden en niet ontevreden", "Ontevreden", "Zeer ontevreden"),
        feedback="Wilt u ons er meer over vertellen? (niet verplicht)",
        editable="Na het versturen kunt u uw antwoord nog {span} wijzigen: open de link opnieuw.",
        send="Versturen",
        problem="Controleer uw antwoord",
        no_rating="Kies een van de vijf antwoorden.",
        too_long="Uw opmerking mag niet langer zijn dan {most} tekens.",
        again="Verstuur uw antwoord nog een keer: deze pagina heeft lang opengestaan.",
        thanks="Dank u wel",
        recorded="Uw antwoord is opgeslagen. U kunt het na het eerste antwoord nog {span} wijzigen: open de link "
                 "opnieuw.",
        expired="Deze link is verlopen",
        expired_why="We horen nog steeds graag van u: antwoord gewoon op ons laatste bericht.",
        gone="Deze link is niet geldig",
        gone_why="Misschien ontbreekt er een stuk. Wilt u ons iets laten weten? Antwoord dan op ons laatste bericht.",
        busy="Probeer het opnieuw",
        busy_why="We konden uw antwoord niet opslaan. Ga terug en verstuur het over enkele seconden opnieuw.",
        units=(("minuut", "minuten"), ("uur", "uur"), ("dag", "dagen")),
    ),
}  # fmt: skip


def chosen(languages: Iterable[str]) -> str:
    """The first of these languages that the page speaks, else the usual one."""
    return next((language for language in languages if language in WORDS), USUAL)


def span(words: Words, time: timedelta) -> str:
    """A time in the biggest unit that says it exactly, never less than a minute."""
    minutes = max(1, round(time.total_seconds() / 60))
    sizes = ((1440, words.units[2]), (60, words.units[1]), (1, words.units[0]))
    size, (one, several) = next(each for each in sizes if minutes % each[0] == 0)
    return f"{minutes // size} {one if minutes == size else several}"
